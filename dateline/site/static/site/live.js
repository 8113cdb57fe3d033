// The connection to /live: says when it is lost, heals by itself, asks for what it missed.

// The browser retries a broken stream by itself, but gives up on an error answer; then we try again.
const RETRY_MS = 2000;
// The server sends a heartbeat every 15 s; after three have not come the connection is dead.
const SILENCE_MS = 45_000;

/**
 * Connect to the wire. `wire` and `lastSeq` stand in the page; `on` maps event names (element,
 * withdrawal, reset) to functions of the event's data and seq.
 */
export function connect(wire, lastSeq, on) {
  const status = document.getElementById("live");
  let seq = lastSeq;
  let source;
  let timer;

  function say(state, text) {
    status.dataset.state = state;
    if (status.textContent !== text) status.textContent = text;
    status.hidden = false;
  }

  function heard() {
    clearTimeout(timer);
    timer = setTimeout(reopen, SILENCE_MS);
    say("live", "Live");
  }

  function reopen() {
    source.close();
    say("lost", "Connection lost, trying again");
    clearTimeout(timer);
    timer = setTimeout(open, RETRY_MS);
  }

  function open() {
    clearTimeout(timer);
    source = new EventSource(`/live?wire=${encodeURIComponent(wire)}&after=${seq}`);
    source.addEventListener("open", heard);
    source.addEventListener("heartbeat", heard);
    source.addEventListener("error", reopen);
    for (const [name, act] of Object.entries(on)) {
      source.addEventListener(name, (event) => {
        heard();
        if (event.lastEventId) seq = Number(event.lastEventId);
        act(JSON.parse(event.data), seq);
      });
    }
  }

  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => event.persisted && open());
  say("connecting", "Connecting");
  open();
}
