// Follows the state that the server holds: by events, else by polling. It decides nothing and says nothing of its own:
// it moves to the page that the server names, or redraws what the server marked as live. Without it pages work too.
(function () {
  'use strict';
  var page = document.body.dataset.page;
  if (!page) { return; }
  var version = document.body.dataset.version;
  var waits = 'waits' in document.body.dataset;
  var seq = -1, redrawing = false, again = false, leaving = false;
  var source = null, failures = 0, heard = Date.now(), polling = 0, pause = 3000, tag = '';

  // --- what the server says -------------------------------------------------------------------------------------

  function hear(news) {
    heard = Date.now();
    if (news.seq < seq || leaving) { return; } // older than what is known
    seq = news.seq;
    if (news.go) { move(news.go); return; }
    if (news.version !== version && waits) { redraw(); }
  }

  function move(to) {
    leaving = true;
    location.replace(to);
  }

  function redraw() {
    if (redrawing) { again = true; return; }
    redrawing = true;
    fetch(location.href, { headers: { 'X-Verigate-Auto': '1' }, credentials: 'same-origin' }).then(function (answer) {
      if (!answer.ok || new URL(answer.url).pathname !== location.pathname) { move(answer.url); return null; }
      return answer.text();
    }).then(function (text) {
      if (text !== null) { replace(new DOMParser().parseFromString(text, 'text/html')); }
    }).catch(function () { /* the next news tries again */ }).then(function () {
      redrawing = false;
      if (again) { again = false; redraw(); }
    });
  }

  // Only what differs is replaced, so that what is announced has changed, and the focus stays where it can.
  function replace(fresh) {
    var waited = !!document.querySelector('.state.waiting');
    var focused = document.activeElement && document.activeElement.id;
    document.querySelectorAll('[data-live]').forEach(function (old) {
      var now = fresh.getElementById(old.id);
      if (!now || now.innerHTML === old.innerHTML) { return; }
      old.className = now.className;
      old.replaceChildren.apply(old, Array.from(document.importNode(now, true).childNodes));
    });
    version = fresh.body.dataset.version;
    if (focused && document.activeElement === document.body) {
      var target = document.getElementById(focused) || document.getElementById('content');
      target.focus({ preventScroll: true });
    }
    wire();
    unscanned = unscanned || waited && !!document.querySelector('.state.ended');
    renew();
  }

  // --- events, and polling where they do not arrive -------------------------------------------------------------

  function listen() {
    if (!window.EventSource || source || document.hidden) { return; }
    source = new EventSource('/m/events?page=' + encodeURIComponent(page));
    source.addEventListener('state', function (e) { failures = 0; stopPolling(); hear(JSON.parse(e.data)); });
    source.addEventListener('ping', function () { failures = 0; heard = Date.now(); stopPolling(); });
    source.onerror = function () {
      failures++;
      if (failures >= 2 || (source && source.readyState === 2)) { deafen(); startPolling(); }
    };
  }

  function deafen() {
    if (source) { source.close(); source = null; }
  }

  function startPolling() {
    if (!polling && !document.hidden) { pause = 3000; polling = setTimeout(poll, 0); }
  }

  function stopPolling() {
    clearTimeout(polling);
    polling = 0;
  }

  function poll() {
    var headers = tag ? { 'If-None-Match': tag } : {};
    fetch('/m/state?page=' + encodeURIComponent(page), { headers: headers, credentials: 'same-origin', cache: 'no-store' }).then(function (answer) {
      if (answer.status === 401) { leaving = true; location.reload(); return null; }
      tag = answer.headers.get('ETag') || tag;
      return answer.status === 200 ? answer.json() : null;
    }).then(function (news) { if (news) { hear(news); } }).catch(function () { /* try again later */ }).then(function () {
      if (!polling || leaving) { return; }
      polling = setTimeout(poll, pause);
      pause = Math.min(10000, pause * 1.2);
    });
  }

  setInterval(function () { // a line that is silent is no line; and one that was cut may be up again
    if (document.hidden || leaving) { return; }
    if (source && Date.now() - heard > 25000) { deafen(); startPolling(); }
    if (!source) { failures = 1; listen(); }
  }, 20000);
  setTimeout(function () { if (!leaving && seq < 0) { startPolling(); } }, 5000);

  document.addEventListener('visibilitychange', function () {
    if (document.hidden) { deafen(); stopPolling(); return; }
    failures = 0;
    heard = Date.now();
    listen();
    startPolling(); // asks at once; the first event ends it
    renew();
  });
  window.addEventListener('pagehide', deafen);
  window.addEventListener('pageshow', function (e) { if (e.persisted) { location.reload(); } });

  // --- the code's time, by the server's clock ---------------------------------------------------------------------

  var ticking = 0;
  function countdown() {
    clearInterval(ticking);
    var line = document.getElementById('countdown');
    if (!line) { return; }
    var end = performance.now() + Number(line.dataset.left), said = 0;
    ticking = setInterval(function () {
      var left = Math.max(0, Math.ceil((end - performance.now()) / 1000));
      line.textContent = left ? line.dataset.text.replace('{m}', Math.floor(left / 60)).replace('{s}', String(left % 60).padStart(2, '0')) : line.dataset.over;
      [60, 30, 10].forEach(function (mark) { // said aloud at these moments only
        if (left === mark && said !== mark) { said = mark; document.getElementById('soon').textContent = line.dataset.soon.replace('{s}', mark); }
      });
      if (!left) { clearInterval(ticking); redraw(); }
    }, 250);
  }

  // --- another code -----------------------------------------------------------------------------------------------

  // A code that ended before anybody scanned it is followed by another, once: whoever still looks at the page need not
  // act, and a page that was left alone does not ask for codes for ever. After that there is the button. Whoever has
  // scanned the code is busy with the phone.
  var unscanned = false, renewed = false;
  function renew() {
    var form = document.querySelector('form[data-renew]');
    if (!form || !unscanned || renewed || leaving || document.hidden) { return; }
    renewed = true;
    fetch(form.action, {
      method: 'POST', headers: { 'X-Verigate-Auto': '1' }, body: new URLSearchParams(new FormData(form)), credentials: 'same-origin',
    }).then(redraw).catch(function () { /* there is the button */ });
  }

  // --- the code's size: as large as there is room, and each module a whole number of the screen's own pixels ---------

  function fit() {
    var code = document.getElementById('qr');
    if (!code) { return; }
    var modules = code.viewBox.baseVal.width, ratio = window.devicePixelRatio || 1;
    var room = Math.min(290, document.getElementById('code').clientWidth - 4);
    var size = modules * Math.max(1, Math.floor(room * ratio / modules)) / ratio;
    code.setAttribute('width', size);
    code.setAttribute('height', size);
  }
  window.addEventListener('resize', fit); // zooming resizes, too

  // --- forms ------------------------------------------------------------------------------------------------------

  function wire() {
    fit();
    countdown();
    document.querySelectorAll('form[data-tick]').forEach(function (form) {
      var boxes = Array.prototype.slice.call(form.querySelectorAll('input[type=checkbox]')), button = form.querySelector('button.primary');
      function match() { button.disabled = !boxes.every(function (box) { return box.checked; }); }
      boxes.forEach(function (box) { box.addEventListener('change', match); });
      match();
    });
    document.querySelectorAll('form[data-busy]').forEach(function (form) {
      form.addEventListener('submit', function () { leaving = true; form.setAttribute('aria-busy', 'true'); });
    });
  }

  wire();
  var faults = document.getElementById('faults');
  if (faults) { faults.focus(); }
  listen();
  if (!window.EventSource) { startPolling(); }
})();
