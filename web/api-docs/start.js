// Calls go to this very server with the cookie of whoever is signed in; nothing is asked of any other server.
window.SwaggerUIBundle({
  url: "/api/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  // Unset it would show a badge of a validator elsewhere.
  validatorUrl: null,
  withCredentials: true,
});
