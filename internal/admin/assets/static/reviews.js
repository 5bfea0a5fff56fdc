// The keys of the pages of reviewers, and names and numbers that are masked again. The pages work without it.
(function () {
  'use strict';

  // --- names and numbers in clear: masked again after a while, when asked, and when the page is left ---------------

  var clear = Array.from(document.querySelectorAll('[data-masked]'));

  function mask() {
    clear.forEach(function (field) {
      field.textContent = field.dataset.masked;
      field.classList.remove('clear');
    });
    var said = document.querySelector('[data-remasked]');
    if (said && clear.length) { said.textContent = said.dataset.remasked; }
    clear = [];
  }

  if (clear.length) {
    setTimeout(mask, Number(clear[0].dataset.after) * 1000);
    window.addEventListener('pagehide', mask);
    var hide = document.querySelector('[data-hide]');
    hide.hidden = false;
    hide.addEventListener('click', mask);
  }

  // --- keys: single letters, while no field has the focus; they can be switched off ---------------------------------

  var help = document.getElementById('keys'), toggle = document.querySelector('[data-keys]'), on = true;
  if (!help) { return; }
  try { on = localStorage.getItem('verigate-keys') !== 'off'; } catch { /* no storage: they are on */ }

  function show() {
    toggle.textContent = on ? toggle.dataset.off : toggle.dataset.on;
  }

  function open(details) {
    if (!details) { return; }
    details.open = true;
    details.querySelector('summary').scrollIntoView({ block: 'nearest' });
  }

  var does = {
    n: function () { var next = document.getElementById('next'); if (next) { next.click(); } },
    a: function () { open(document.getElementById('approve')); },
    r: function () { open(document.getElementById('reject')); },
    u: function () { open(document.querySelector('[data-look]')); },
    '?': function () { open(help); help.querySelector('summary').focus(); },
  };

  help.hidden = false;
  show();
  toggle.addEventListener('click', function () {
    on = !on;
    try { localStorage.setItem('verigate-keys', on ? 'on' : 'off'); } catch { /* it holds for this page */ }
    show();
  });
  document.addEventListener('keydown', function (e) {
    if (!on || e.ctrlKey || e.metaKey || e.altKey || e.repeat || e.isComposing || e.defaultPrevented) { return; }
    if (e.target.closest('input, select, textarea, [contenteditable]') || !does[e.key]) { return; }
    e.preventDefault(); // the letter must not end up in the field that gets the focus
    does[e.key]();
  });
})();
