// What is asked of the page, by one function. It looks and reads; the only things it changes are focus and selection.
(op, arg) => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const seen = (element) =>
    element.getClientRects().length > 0 &&
    (!element.checkVisibility || element.checkVisibility({ visibilityProperty: true, opacityProperty: true }));
  const firstSeen = (selector) => all(selector).find(seen);
  const pageText = () => (document.body ? document.body.innerText : "");
  const holds = (sign, text) =>
    sign.selector !== undefined ? !!firstSeen(sign.selector)
    : sign.url !== undefined ? location.href.includes(sign.url)
    : text.includes(sign.text);
  const held = (field) => (field.value !== undefined ? field.value : field.innerText);

  // The text as it was written, as far as a page lets one see it: code blocks raw and in fences, blocks on lines of
  // their own, spaces as they are shown.
  const written = (root, skip) => {
    const skipped = (element) => skip.some((selector) => element.matches(selector));
    const raw = (element) => {
      const copy = element.cloneNode(true);
      for (const selector of skip) copy.querySelectorAll(selector).forEach((part) => part.remove());
      copy.querySelectorAll("br").forEach((part) => part.replaceWith("\n"));
      return copy.textContent.replace(/\n$/, "");
    };
    let out = "";
    const newline = (count) => {
      if (out === "") return;
      const there = out.match(/\n*$/)[0].length;
      out += "\n".repeat(Math.max(0, count - there));
    };
    const block = (element) => {
      const text = raw(element);
      const longest = Math.max(2, ...(text.match(/`+/g) || []).map((run) => run.length));
      const fence = "`".repeat(longest + 1);
      const named = element.querySelector("[class*=language-]") || element;
      const language = (String(named.className).match(/language-([\w+#-]+)/) || ["", ""])[1];
      newline(2);
      out += fence + language + "\n" + text + "\n" + fence + "\n\n";
    };
    const walk = (node) => {
      if (node.nodeType === Node.TEXT_NODE) {
        const keeps = getComputedStyle(node.parentElement).whiteSpace.startsWith("pre");
        const text = keeps ? node.data : node.data.replace(/\s+/g, " ");
        out += !keeps && (out === "" || /\s$/.test(out)) ? text.trimStart() : text;
        return;
      }
      if (node.nodeType !== Node.ELEMENT_NODE || skipped(node)) return;
      const style = getComputedStyle(node);
      if (style.display === "none" || ["SCRIPT", "STYLE", "TEMPLATE"].includes(node.tagName)) return;
      if (node.tagName === "PRE") return block(node);
      if (node.tagName === "BR") { out += "\n"; return; }
      const isBlock = !/^(inline|contents|none)/.test(style.display);
      if (isBlock) newline(/^(P|UL|OL|TABLE|H[1-6]|BLOCKQUOTE)$/.test(node.tagName) ? 2 : 1);
      if (/^H[1-6]$/.test(node.tagName)) out += "#".repeat(Number(node.tagName[1])) + " ";
      if (node.tagName === "LI") {
        const list = node.parentElement;
        const place = list ? [...list.children].indexOf(node) + (list.start || 1) : 1;
        out += list && list.tagName === "OL" ? place + ". " : "- ";
      }
      const isCode = node.tagName === "CODE";
      if (isCode) out += "`";
      node.childNodes.forEach(walk);
      if (isCode) out += "`";
      if (isBlock) newline(node.tagName === "P" ? 2 : 1);
    };
    walk(root);
    return out.replace(/[ \t]+\n/g, "\n").trim();
  };

  switch (op) {
    case "invalid":
      return arg.filter((selector) => {
        try { document.createDocumentFragment().querySelector(selector); return false; } catch { return true; }
      });
    case "look": {
      const text = [...arg.expired, ...arg.captcha].some((sign) => sign.text !== undefined) ? pageText() : "";
      return {
        url: location.href,
        ready: document.readyState !== "loading",
        expired: arg.expired.some((sign) => holds(sign, text)),
        captcha: arg.captcha.some((sign) => holds(sign, text)),
        seen: arg.selector === null ? false : !!firstSeen(arg.selector),
      };
    }
    case "focus": {
      const field = firstSeen(arg);
      if (!field) return null;
      field.scrollIntoView({ block: "center" });
      field.focus();
      if (field.select) field.select();
      else getSelection().selectAllChildren(field);
      return { url: location.href, active: document.activeElement === field || field.contains(document.activeElement) };
    }
    case "held": {
      const field = firstSeen(arg);
      return field ? held(field) : null;
    }
    case "place": {
      const target = firstSeen(arg);
      if (!target) return null;
      target.scrollIntoView({ block: "center", inline: "center" });
      const box = target.getBoundingClientRect();
      const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
      const top = document.elementFromPoint(x, y);
      const free = !!top && (target === top || target.contains(top) || top.contains(target));
      return { x, y, enabled: !target.disabled && target.getAttribute("aria-disabled") !== "true", free };
    }
    case "answers": {
      const found = all(arg.selector);
      const last = found.at(-1);
      const text = last ? last.textContent : "";
      let hash = 0;
      for (let at = 0; at < text.length; at++) hash = (hash * 31 + text.charCodeAt(at)) | 0;
      return {
        count: found.length,
        length: text.trim().length,
        hash,
        gone: arg.gone === null || !firstSeen(arg.gone),
        present: arg.present === null || !!firstSeen(arg.present),
        page: pageText().length,
      };
    }
    case "read": {
      const last = all(arg.selector).at(-1);
      return last ? written(last, arg.skip) : null;
    }
    case "text":
      return pageText().slice(0, arg);
  }
  return null;
}
