// The change events and log lines as they come.

const RETRY_MS = 3000;

/**
 * Follows the feed. A hidden page gives its connection back, since a browser opens only six to a
 * host, and catches up when it is shown again.
 */
export function follow({ onOpen, onLost, ...handlers }) {
  let source = null;
  let last = 0;
  const open = () => {
    if (source || document.hidden) return;
    source = new EventSource(`/page/feed?after=${last}`);
    source.addEventListener("open", onOpen);
    source.addEventListener("error", () => {
      onLost();
      if (source?.readyState === EventSource.CLOSED) {
        close();
        setTimeout(open, RETRY_MS);
      }
    });
    for (const [name, handle] of Object.entries(handlers)) {
      source.addEventListener(name, (event) => {
        last = event.lastEventId;
        handle(JSON.parse(event.data));
      });
    }
  };
  const close = () => {
    source?.close();
    source = null;
  };
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  open();
}
