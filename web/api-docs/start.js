// As the browser wishes; it may change its mind.
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

// The path of an operation is a link within a button, which a screen reader cannot tell apart: the button opens it, and the address
// bar has the link then.
const plain = ({ React }) => ({
  components: { DeepLink: ({ text }) => React.createElement("span", null, text) },
});

// Calls go to this very server with the cookie of whoever is signed in; nothing is asked of any other server.
window.SwaggerUIBundle({
  url: "/api/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  plugins: [plain],
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  // Unset it would show a badge of a validator elsewhere.
  validatorUrl: null,
  withCredentials: true,
});
