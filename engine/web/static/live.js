// Keeps the page fresh: told of news by server-sent events, it fetches its own address and swaps the content.
// Without this script the page is complete; it only has to be loaded anew.
"use strict";
(() => {
  const calm = 1000; // at most one swap a second
  let feed = null;
  let lost = false;
  let wanted = false;
  let busy = false;
  let heardAt = "";

  const bar = () => document.getElementById("live");
  const clock = () => new Date().toISOString().slice(11, 19) + " UTC";

  function say(state, text) {
    bar().className = "live " + state;
    document.getElementById("live-says").textContent = text;
  }

  function opened() {
    return [...document.querySelectorAll("details")].map((each) => each.open);
  }

  function swap(fresh) {
    const was = document.getElementById("verdict")?.textContent;
    const open = opened();
    const focused = document.activeElement?.closest("main *");
    const alike = focused ? `main ${focused.localName}` : "none";
    const order = [...document.querySelectorAll(alike)].indexOf(focused);
    const [x, y] = [scrollX, scrollY];
    document.title = fresh.title;
    for (const part of ["header", "main", "footer", "#live"]) {
      const [old, now] = [document.querySelector(part), fresh.querySelector(part)];
      if (old && now) old.replaceWith(document.adoptNode(now));
    }
    document.querySelectorAll("details").forEach((each, index) => {
      if (index < open.length) each.open = open[index];
    });
    if (order >= 0) document.querySelectorAll(alike)[order]?.focus({ preventScroll: true });
    scrollTo(x, y);
    const now = document.getElementById("verdict")?.textContent;
    if (now !== was) document.getElementById("told").textContent = now ?? "";
  }

  async function refresh() {
    wanted = true;
    if (busy) return;
    busy = true;
    while (wanted) {
      wanted = false;
      try {
        const answer = await fetch(location.href, { cache: "no-store" });
        if (answer.ok) {
          swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
          if (lost) say("lost", lost);
        }
      } catch {
        // The feed tells that the connection is lost, and asks again when it is back.
      }
      await new Promise((done) => setTimeout(done, calm));
    }
    busy = false;
    if (bar().dataset.state === "ended") feed?.close();
  }

  function listen() {
    if (!bar().dataset.feed) return;
    heardAt = clock();
    const address = new URL(bar().dataset.feed, location.href);
    address.searchParams.set("after", bar().dataset.seen);
    feed = new EventSource(address);
    feed.addEventListener("open", () => {
      if (lost) refresh();
      lost = false;
    });
    feed.addEventListener("news", () => { heardAt = clock(); refresh(); });
    feed.addEventListener("state", (message) => {
      heardAt = clock();
      const told = JSON.parse(message.data);
      say(told.state, told.says);
    });
    feed.addEventListener("error", () => {
      if (feed.readyState === EventSource.CLOSED) setTimeout(listen, 5000);
      lost ||= `Connection lost, data as of ${heardAt}. Trying again.`;
      say("lost", lost);
    });
  }

  addEventListener("pagehide", () => feed?.close());
  addEventListener("pageshow", (shown) => { if (shown.persisted) { refresh(); listen(); } });
  listen();
})();
