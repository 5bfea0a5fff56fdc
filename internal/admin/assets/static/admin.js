// What the pages do by themselves. Every page works without it: it redraws what is live, closes what is open, and
// moves the focus. It decides nothing and holds no text.
(function () {
  'use strict';

  // --- live parts: what is marked data-live is redrawn, unless somebody paused it or is using it ----------------

  var every = Number(document.body.dataset.refresh) * 1000, paused = false;
  var button = document.querySelector('[data-pause]');

  function redraw() {
    if (paused || document.hidden || busy()) { return; }
    fetch(location.href, { headers: { 'X-Verigate-Auto': '1' }, credentials: 'same-origin', cache: 'no-store' }).then(function (answer) {
      if (answer.status === 401) { location.reload(); return null; } // signed out: the page leads to the sign-in
      return answer.ok ? answer.text() : null;
    }).then(function (text) {
      if (text === null || busy()) { return; }
      var fresh = new DOMParser().parseFromString(text, 'text/html');
      document.querySelectorAll('[data-live]').forEach(function (old) {
        var now = fresh.getElementById(old.id);
        if (!now) { return; }
        old.querySelectorAll('details[data-keep][open]').forEach(function (open) { // a table under a figure stays open
          var same = now.querySelector('#' + CSS.escape(open.id));
          if (same) { same.open = true; }
        });
        if (now.innerHTML !== old.innerHTML) {
          old.replaceChildren.apply(old, Array.from(document.importNode(now, true).childNodes));
        }
      });
    }).catch(function () { /* the next time tries again */ });
  }

  // Somebody types or has a form open within a live part: what is under their hands must not change.
  function busy() {
    return Array.from(document.querySelectorAll('[data-live]')).some(function (part) {
      return part.querySelector('details[open]:not([data-keep])') || part.contains(document.activeElement);
    });
  }

  if (every > 0) {
    setInterval(redraw, every);
    if (button) {
      button.hidden = false;
      var pause = button.textContent;
      button.addEventListener('click', function () {
        paused = !paused;
        button.textContent = paused ? button.dataset.resume : pause;
        button.setAttribute('aria-pressed', String(paused));
        redraw();
      });
    }
  }

  // --- on a narrow screen the menu scrolls sideways: where one is must be seen -----------------------------------

  var current = document.querySelector('.menu [aria-current]');
  if (current && current.closest('.menu').scrollWidth > current.closest('.menu').clientWidth) {
    current.scrollIntoView({ block: 'nearest', inline: 'center' });
  }

  // --- commands: one is open at a time, its first field has the focus, Escape closes it -------------------------

  document.addEventListener('toggle', function (e) {
    var opened = e.target;
    if (!opened.matches || !opened.matches('details.command') || !opened.open) { return; }
    document.querySelectorAll('details.command[open]').forEach(function (other) { if (other !== opened) { other.open = false; } });
    var field = opened.querySelector('input:not([type=hidden]), select, textarea');
    if (field) { field.focus(); }
  }, true);

  document.addEventListener('keydown', function (e) {
    var open = e.key === 'Escape' && document.querySelector('details.command[open]');
    if (open) { open.open = false; open.querySelector('summary').focus(); }
  });

  // --- a form is sent once, however often its button is pressed --------------------------------------------------

  document.addEventListener('submit', function (e) {
    if (e.target.method !== 'post') { return; }
    if (e.target.dataset.sent) { e.preventDefault(); return; }
    e.target.dataset.sent = '1';
  });
  window.addEventListener('pageshow', function () {
    document.querySelectorAll('form[data-sent]').forEach(function (form) { delete form.dataset.sent; });
  });
})();
