// Reloads the page while the run goes on, which keeps the place on it; not while somebody marks text.
const live = document.body.dataset;
const seconds = Number(live.refresh);
if (seconds) {
  setInterval(() => getSelection().isCollapsed && location.reload(), 1000 * seconds);
  const minutes = Math.floor((Date.now() / 1000 - Number(live.written)) / 60);
  if (minutes >= 2) {
    document.getElementById("minutes").textContent = minutes;
    document.getElementById("silence").hidden = false;
  }
}
