"""What must stay true of the whole project: light imports, rooms that keep apart, a README that tells the truth."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = ("spacy", "thinc", "datasets", "label_studio_sdk", "pyarrow", "pandas", "numpy")
ALLOWED = {
    "annotate": {"annotate"},
    "training": {"training", "annotate"},
    "apply": {"apply", "annotate", "training"},
}
SHARED = {"records", "schema", "sources", "matching", "page", "errors", "outputs", "check", "counts", "differences", "scores"}
LENT_BY_TRAINING = {"calibration", "convert", "pipeline"}


def modules(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def light_modules() -> list[str]:
    names = ["copydesk", "training.cli", "apply.cli"]
    files = [path.relative_to(ROOT).with_suffix("") for path in modules("annotate") if path.stem != "__init__"]
    return names + [".".join(file.parts) for file in files]


@pytest.mark.parametrize("name", light_modules())
def test_import_stays_light(name: str) -> None:
    code = f"import sys, {name}; print([m for m in {HEAVY[:3]} + ('label_studio_sdk',) if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_answers_in_under_half_a_second_of_cpu() -> None:
    code = (
        "import resource, subprocess, sys;"
        "subprocess.run([sys.executable, '-m', 'copydesk', '--help'], check=True, stdout=subprocess.DEVNULL);"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN); print(used.ru_utime + used.ru_stime)"
    )
    runs = [
        float(subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout)
        for _ in range(3)
    ]
    assert min(runs) < 0.45


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_rooms_import_only_what_they_may(room: str) -> None:
    for path in modules(room):
        for imported in imports_of(path):
            first, _, rest = imported.partition(".")
            if first not in ALLOWED:
                continue
            assert first in ALLOWED[room], f"{path} imports {imported}"
            if first != room and first == "annotate":
                assert rest.split(".")[0] in SHARED, f"{path} imports {imported}"
            if first != room and first == "training":
                assert rest.split(".")[0] in LENT_BY_TRAINING, f"{path} imports {imported}"


def test_label_studio_stays_in_its_corner() -> None:
    corner = ROOT / "annotate" / "studio"
    users = [path for path in modules("annotate") if any(n.startswith("annotate.studio") for n in imports_of(path))]
    assert {path.name for path in users if path.parent != corner} == {"cli.py"}


def test_components_import_nothing_of_ours_but_one_another() -> None:
    for path in modules("training/components"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        relative = {id(node) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 1}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Import | ast.ImportFrom) or id(node) in relative:
                continue
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            ours = [name for name in names if name.partition(".")[0] in {"", *ALLOWED, "copydesk"}]
            assert ours == [], f"{path} would not load in a packaged model"


def test_only_studio_talks_to_the_sdk() -> None:
    files = [path for room in ALLOWED for path in modules(room)]
    users = [path for path in files if any(name.startswith("label_studio_sdk") for name in imports_of(path))]
    assert users == [ROOT / "annotate" / "studio" / "connection.py"]


def test_only_a_cli_prints() -> None:
    for room in ALLOWED:
        for path in modules(room):
            if path.name != "cli.py":
                calls = [n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Call)]
                names = [call.func.id for call in calls if isinstance(call.func, ast.Name)]
                assert "print" not in names, path


def test_readme_and_help_list_the_same_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `copydesk ([a-z]+)", text, flags=re.MULTILINE))
    import copydesk

    commands = {
        c.name or c.callback.__name__
        for room in copydesk.app.registered_groups
        for c in room.typer_instance.registered_commands
    }
    groups = {g.name for room in copydesk.app.registered_groups for g in room.typer_instance.registered_groups}
    assert listed == {name.rstrip("_") for name in commands | groups}


def imports_of(path: Path) -> set[str]:
    """Absolute names of the modules that a file imports anywhere, TYPE_CHECKING blocks left out."""
    found: set[str] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    guarded = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(tree):
        if id(node) in guarded:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names if node.module in ALLOWED}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(".".join([*package[: len(package) + 1 - node.level], node.module]))
    return found - set(ALLOWED)
