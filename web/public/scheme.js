// Sets the colour scheme before the first paint. A file of its own, because the page's policy allows no inline script.
(() => {
  let kept = null;
  try {
    kept = window.localStorage.getItem("posthouse-color-scheme");
  } catch {
    // Storage can be switched off; the system's scheme is used then.
  }
  const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
  const scheme = kept === "light" || kept === "dark" ? kept : dark ? "dark" : "light";
  document.documentElement.setAttribute("data-mantine-color-scheme", scheme);
})();
