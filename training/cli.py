"""The commands of this room."""

import typer

app = typer.Typer()
