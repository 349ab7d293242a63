/**
 * The pages that links in mail lead to, whole out of the executable. A product with pages of its own puts them there by
 * its proxy (`/links/*`). The token stands behind `#`: the browser keeps it to itself until somebody presses the button,
 * and programs that open every link in a mail use none up.
 */

interface LinkPage {
  readonly consume: string;
  /** The field of the request that takes a password. */
  readonly password?: string;
  readonly en: PageWords;
  readonly es: PageWords;
}

interface PageWords {
  readonly title: string;
  readonly button: string;
  readonly done: string;
  /** What the password is called where it is one they have, and what is said when it is another one. */
  readonly known?: { readonly label: string; readonly wrong: string };
}

const PAGES: Readonly<Record<string, LinkPage>> = {
  "verify-email": {
    consume: "/v1/email-verifications/consume",
    en: {
      title: "Confirm your e-mail address",
      button: "Confirm",
      done: "Your e-mail address is confirmed. You can sign in now.",
    },
    es: {
      title: "Confirma tu correo electrónico",
      button: "Confirmar",
      done: "Tu correo electrónico está confirmado. Ya puedes iniciar sesión.",
    },
  },
  "confirm-sign-up": {
    consume: "/v1/email-verifications/consume",
    password: "password",
    en: {
      title: "Confirm your e-mail address",
      button: "Confirm",
      done: "Your e-mail address is confirmed. You can sign in now.",
      known: {
        label: "The password you chose when you signed up",
        wrong: "This is not the password of that account, or it was tried too often.",
      },
    },
    es: {
      title: "Confirma tu correo electrónico",
      button: "Confirmar",
      done: "Tu correo electrónico está confirmado. Ya puedes iniciar sesión.",
      known: {
        label: "La contraseña que elegiste al registrarte",
        wrong: "No es la contraseña de esa cuenta, o se ha probado demasiadas veces.",
      },
    },
  },
  invitation: {
    consume: "/v1/invitations/consume",
    password: "password",
    en: { title: "Choose a password", button: "Begin", done: "Your password is set. You can sign in now." },
    es: {
      title: "Elige una contraseña",
      button: "Empezar",
      done: "Tu contraseña está puesta. Ya puedes iniciar sesión.",
    },
  },
  "reset-password": {
    consume: "/v1/password-resets/consume",
    password: "newPassword",
    en: {
      title: "Choose a new password",
      button: "Change the password",
      done: "Your password is changed. You can sign in with the new one now.",
    },
    es: {
      title: "Elige una contraseña nueva",
      button: "Cambiar la contraseña",
      done: "Tu contraseña ha cambiado. Ya puedes iniciar sesión con la nueva.",
    },
  },
  "confirm-email": {
    consume: "/v1/email-changes/consume",
    en: {
      title: "Use this e-mail address",
      button: "Use it",
      done: "Your account uses this e-mail address from now on.",
    },
    es: {
      title: "Usar esta dirección de correo",
      button: "Usarla",
      done: "Tu cuenta usa esta dirección de correo desde ahora.",
    },
  },
};

const HTML = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Satchel</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/links/page.css">
<main>
<h1 id="title"></h1>
<form id="form">
<p id="field" hidden><label for="password" id="label"></label>
<input id="password" type="password" autocomplete="new-password" maxlength="512"></p>
<button id="button"></button>
</form>
<p id="told" role="status"></p>
</main>
<script src="/links/page.js"></script>
</html>
`;

const CSS = `body { font: 16px/1.5 sans-serif; color: #222; background: #f6f6f6; margin: 0 }
main { max-width: 26em; margin: 12vh auto; padding: 2em; background: #fff; border-radius: 8px }
h1 { font-size: 1.4em; margin-top: 0 }
input { display: block; width: 100%; box-sizing: border-box; font: inherit; padding: .5em; margin-top: .3em }
button { font: inherit; padding: .6em 1.2em; border: 0; border-radius: 6px; background: #1d4ed8; color: #fff }
[hidden] { display: none }
`;

/** Runs in a browser. Reads the token once and takes it out of the address, which the history would keep. */
const SCRIPT = `"use strict";
const pages = ${JSON.stringify(PAGES)};
const words = {
  en: { password: "Password", refused: "The link is not valid, has expired or was used. Ask for another one.", failed: "That did not work. Try again in a moment." },
  es: { password: "Contraseña", refused: "El enlace no vale, ha caducado o ya se ha usado. Pide otro.", failed: "No ha funcionado. Vuelve a intentarlo en un momento." },
};
const language = navigator.language.startsWith("es") ? "es" : "en";
const page = pages[location.pathname.split("/").pop()];
const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
const at = (id) => document.getElementById(id);
document.documentElement.lang = language;
document.title = page[language].title;
at("title").textContent = page[language].title;
at("button").textContent = page[language].button;
const { known } = page[language];
at("label").textContent = known === undefined ? words[language].password : known.label;
at("password").autocomplete = known === undefined ? "new-password" : "current-password";
at("field").hidden = page.password === undefined;
if (token === "") { at("form").hidden = true; at("told").textContent = words[language].refused; }
at("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  at("button").disabled = true;
  const body = { token };
  if (page.password !== undefined) body[page.password] = at("password").value;
  const answer = await fetch(page.consume, {
    method: "POST",
    credentials: "omit",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  }).catch(() => null);
  const told = answer === null || answer.ok ? null : await answer.json().catch(() => null);
  if (answer !== null && answer.ok) {
    at("form").hidden = true;
    at("told").textContent = page[language].done;
  } else if (answer !== null && answer.status === 403) {
    at("form").hidden = true;
    at("told").textContent = words[language].refused;
  } else {
    at("button").disabled = false;
    const reason = known !== undefined ? known.wrong : told !== null ? told.detail : undefined;
    at("told").textContent = answer !== null && answer.status === 422 && reason ? reason : words[language].failed;
  }
});
`;

const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Each page, and the two files they share. */
export function linkPageRoutes() {
  const file = (path: string, type: string, text: string) => ({
    path,
    headers: { "content-type": `${type}; charset=utf-8`, "cache-control": "public, max-age=3600" },
    body: () => text,
  });
  return [
    ...Object.keys(PAGES).map((name) => ({
      path: `/links/${name}`,
      headers: { "content-type": "text/html; charset=utf-8", "content-security-policy": CSP },
      body: () => HTML,
    })),
    file("/links/page.js", "text/javascript", SCRIPT),
    file("/links/page.css", "text/css", CSS),
  ];
}
