// The login prompt of Verigate as a dialog, for any portal. How to include it: docs/embedding.md.
//
// It needs no inline script, no inline style and no other file than prompt.css, so it runs under a strict
// Content-Security-Policy. It asks nobody anything: all that it shows is handed to it. It tells what the merchant did
// with the prompt only where it is given an address for that.
(() => {
  "use strict";

  const texts = {
    en: {
      title: "Face verification",
      level: { notice: "Notice", warning: "Reminder", final: "Last day", enforced: "Restricted" },
      days: (n) => (n > 1 ? `${n} days left` : "Less than one day left"),
      over: "The deadline has passed",
      later: "Later",
      go: "Verify now",
      ahead: "From the deadline on, until you have verified, you cannot:",
      limited: "Until you have verified, you cannot:",
    },
    "zh-CN": {
      title: "人脸识别验证",
      level: { notice: "通知", warning: "提醒", final: "最后一天", enforced: "已受限" },
      days: (n) => (n > 1 ? `还剩 ${n} 天` : "剩余不足一天"),
      over: "截止时间已过",
      later: "稍后再说",
      go: "立即认证",
      ahead: "到期后，在完成认证之前您将无法：",
      limited: "在完成认证之前，您无法：",
    },
  };

  // languageOf is the nearest lang attribute, as one of the languages spoken here.
  const languageOf = (element) => {
    const near = element && element.closest("[lang]");
    return near && near.lang.toLowerCase().startsWith("en") ? "en" : "zh-CN";
  };

  const make = (name, className, text) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (text) element.textContent = text;
    return element;
  };

  const limitsOf = (limits, language, sentence) => {
    const section = make("div", "vg-prompt-limits");
    section.append(make("p", "", sentence));
    const list = make("ul");
    for (const limit of limits) list.append(make("li", "", limit[language] || limit.en));
    section.append(list);
    return section;
  };

  const isWebAddress = (address) => /^https?:$/.test(new URL(address, document.baseURI).protocol);

  // goOf is the way to the verification: a form that posts to the portal, or else the link of the prompt.
  const goOf = (prompt, action, label) => {
    if (action && isWebAddress(action)) {
      const form = make("form");
      form.method = "post";
      form.action = action;
      const button = make("button", "vg-prompt-go", label);
      button.autofocus = true;
      form.append(button);
      return form;
    }
    if (prompt.link && isWebAddress(prompt.link)) {
      const link = make("a", "vg-prompt-go", label);
      link.href = prompt.link;
      link.autofocus = true;
      return link;
    }
    return null;
  };

  // tell posts what became of a prompt. Nobody waits for it and its failure is nobody's matter but statistics'.
  const tell = (feedback, number, event) => {
    if (!feedback || typeof number !== "number" || !isWebAddress(feedback)) return;
    const body = new URLSearchParams({ number: String(number), event });
    fetch(feedback, { method: "POST", body, keepalive: true }).catch(() => {}); // keepalive: the page may be left
  };

  let shown = 0; // dialogs made so far, so that their ids differ

  // show opens the dialog for the "prompt" of the answer to POST …/logins. The promise is kept when it closes, with
  // "later", or at once with null if there is nothing to show.
  //   action    address that "verify now" posts to
  //   limits    what is (or will be) impossible: [{"en": …, "zh-CN": …}]
  //   feedback  address that is told what the merchant does: a form with "number" and "event" (shown, dismissed, acted)
  //   language  "en" or "zh-CN"; the page's own if left out
  const show = (prompt, { action, limits = [], feedback, language = languageOf(document.documentElement) } = {}) => {
    const say = texts[language];
    if (!prompt || !prompt.show || !say) return Promise.resolve(null);
    const level = say.level[prompt.level] ? prompt.level : "notice";
    const id = `vg-prompt-${++shown}`;

    const dialog = make("dialog", `vg-prompt vg-prompt-${level}`);
    dialog.lang = language;
    dialog.setAttribute("aria-labelledby", `${id}-title`);
    dialog.setAttribute("aria-describedby", `${id}-message`);

    const title = make("h2", "vg-prompt-title", say.title);
    title.id = `${id}-title`;
    const message = make("p", "vg-prompt-message", prompt.message && (prompt.message[language] || prompt.message.en));
    message.id = `${id}-message`;
    dialog.append(make("p", "vg-prompt-level", say.level[level]), title);
    if (level === "enforced") dialog.append(make("p", "vg-prompt-days", say.over));
    else if (typeof prompt.days_left === "number") dialog.append(make("p", "vg-prompt-days", say.days(prompt.days_left)));
    dialog.append(message);
    if (limits.length > 0) dialog.append(limitsOf(limits, language, level === "enforced" ? say.limited : say.ahead));

    const actions = make("div", "vg-prompt-actions");
    const go = goOf(prompt, action, say.go);
    let acted = false;
    const act = () => {
      if (!acted) tell(feedback, prompt.number, "acted");
      acted = true;
    };
    if (go) go.addEventListener(go instanceof HTMLFormElement ? "submit" : "click", act);
    const later = make("button", "vg-prompt-later", say.later);
    later.type = "button";
    later.addEventListener("click", () => dialog.close("later"));
    actions.append(...(go ? [go] : []), later);
    dialog.append(actions);

    document.body.append(dialog);
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => {
        dialog.remove();
        if (!acted) tell(feedback, prompt.number, "dismissed");
        resolve("later");
      });
      dialog.showModal(); // traps the focus, closes with Escape and gives the focus back
      tell(feedback, prompt.number, "shown");
    });
  };

  // Elements with data-verigate-prompt are shown by themselves. What stands in them is for browsers without scripts.
  for (const element of document.querySelectorAll("[data-verigate-prompt]")) {
    const { verigatePrompt, verigateAction, verigateLimits, verigateFeedback } = element.dataset;
    element.hidden = true;
    show(JSON.parse(verigatePrompt), {
      action: verigateAction,
      feedback: verigateFeedback,
      limits: verigateLimits ? JSON.parse(verigateLimits) : [],
      language: languageOf(element),
    });
  }

  window.VerigatePrompt = Object.freeze({ show });
})();
