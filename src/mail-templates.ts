/** What each mail says, in English and Spanish, as text and as HTML. Everything put into one is escaped. */

export const MAIL_TEMPLATES = [
  "verify_email",
  "invitation",
  "reset_password",
  "confirm_email",
  "email_changed",
  "password_changed",
  "new_device",
  "login_locked",
  "second_factor_changed",
  "attack_suspected",
  "session_reused",
  "already_registered",
  "confirm_sign_up",
  "api_key_created",
] as const;
export type MailTemplate = (typeof MAIL_TEMPLATES)[number];

export const MAIL_LANGUAGES = ["en", "es"] as const;
export type MailLanguage = (typeof MAIL_LANGUAGES)[number];

/** The language of a mail to a person: Spanish for those who chose any form of it, else English. */
export const mailLanguage = (language: string): MailLanguage =>
  language === "es" || language.startsWith("es-") ? "es" : "en";

/** What a mail may tell besides its text: each that is given becomes a line with its label. */
const LABELS = {
  username: { en: "Username", es: "Nombre de usuario" },
  time: { en: "Time", es: "Hora" },
  device: { en: "Device", es: "Dispositivo" },
  browser: { en: "Browser", es: "Navegador" },
  address: { en: "Address", es: "Dirección" },
  until: { en: "Until", es: "Hasta" },
  attempts: { en: "Attempts", es: "Intentos" },
  accounts: { en: "Accounts", es: "Cuentas" },
  addresses: { en: "Addresses", es: "Direcciones" },
  change: { en: "Change", es: "Cambio" },
  key: { en: "Key", es: "Clave" },
} as const satisfies Readonly<Record<string, Readonly<Record<MailLanguage, string>>>>;
export type MailValue = keyof typeof LABELS;
export type MailValues = Readonly<Partial<Record<MailValue, string>>>;

/** Values of `change` that are told in the reader's language. */
const CHANGES: Readonly<Record<string, Readonly<Record<MailLanguage, string>>>> = {
  on: { en: "switched on", es: "activada" },
  off: { en: "switched off", es: "desactivada" },
  recovery_codes: { en: "new recovery codes", es: "nuevos códigos de recuperación" },
};

interface Words {
  readonly subject: string;
  readonly paragraphs: readonly string[];
  /** What the link is called; a template that has it needs a link. */
  readonly action?: string;
  /** After the link and the values. */
  readonly closing?: readonly string[];
}

const NOT_YOU = {
  en: "If this was not you, change your password at once and tell an administrator of {organization}.",
  es: "Si no has sido tú, cambia tu contraseña enseguida y avisa a la administración de {organization}.",
} as const;
const UNASKED = {
  en: "If you did not ask for this, you need not do anything.",
  es: "Si no lo has pedido, no tienes que hacer nada.",
} as const;

const WORDS: Readonly<Record<MailTemplate, Readonly<Record<MailLanguage, Words>>>> = {
  verify_email: {
    en: {
      subject: "Confirm your e-mail address for {organization}",
      paragraphs: [
        "Please confirm that this e-mail address is yours. The link is good for three days, and once.",
      ],
      action: "Confirm the address",
      closing: [UNASKED.en],
    },
    es: {
      subject: "Confirma tu correo electrónico para {organization}",
      paragraphs: ["Confirma que esta dirección de correo es tuya. El enlace vale tres días y una sola vez."],
      action: "Confirmar la dirección",
      closing: [UNASKED.es],
    },
  },
  invitation: {
    en: {
      subject: "Your invitation to {organization}",
      paragraphs: [
        "{organization} has made an account for you. Choose a password to begin. The link is good for seven days, and once.",
      ],
      action: "Choose a password",
    },
    es: {
      subject: "Tu invitación a {organization}",
      paragraphs: [
        "{organization} ha creado una cuenta para ti. Elige una contraseña para empezar. El enlace vale siete días y una sola vez.",
      ],
      action: "Elegir una contraseña",
    },
  },
  reset_password: {
    en: {
      subject: "Choose a new password for {organization}",
      paragraphs: [
        "Somebody asked for a new password for your account. The link is good for half an hour, and once.",
      ],
      action: "Choose a new password",
      closing: [UNASKED.en],
    },
    es: {
      subject: "Elige una contraseña nueva para {organization}",
      paragraphs: [
        "Alguien ha pedido una contraseña nueva para tu cuenta. El enlace vale media hora y una sola vez.",
      ],
      action: "Elegir una contraseña nueva",
      closing: [UNASKED.es],
    },
  },
  confirm_email: {
    en: {
      subject: "Confirm your new e-mail address for {organization}",
      paragraphs: [
        "Your account is to use this e-mail address from now on. Until you confirm it the old one stays. The link is good for one day, and once.",
      ],
      action: "Use this address",
      closing: [UNASKED.en],
    },
    es: {
      subject: "Confirma tu nuevo correo electrónico para {organization}",
      paragraphs: [
        "Tu cuenta va a usar esta dirección de correo. Hasta que la confirmes sigue la anterior. El enlace vale un día y una sola vez.",
      ],
      action: "Usar esta dirección",
      closing: [UNASKED.es],
    },
  },
  email_changed: {
    en: {
      subject: "Your e-mail address for {organization} was changed",
      paragraphs: ["Your account uses another e-mail address now. No more mail will come to this one."],
      closing: [NOT_YOU.en],
    },
    es: {
      subject: "Tu correo electrónico para {organization} ha cambiado",
      paragraphs: ["Tu cuenta usa ahora otra dirección de correo. A esta ya no llegará más correo."],
      closing: [NOT_YOU.es],
    },
  },
  password_changed: {
    en: {
      subject: "Your password for {organization} was changed",
      paragraphs: ["Your password was changed, and your other devices were signed out."],
      closing: [NOT_YOU.en],
    },
    es: {
      subject: "Tu contraseña de {organization} ha cambiado",
      paragraphs: ["Tu contraseña ha cambiado y se ha cerrado la sesión en tus otros dispositivos."],
      closing: [NOT_YOU.es],
    },
  },
  new_device: {
    en: {
      subject: "New sign-in to {organization}",
      paragraphs: ["Somebody signed in to your account on a device that was not used before."],
      closing: [NOT_YOU.en],
    },
    es: {
      subject: "Nuevo inicio de sesión en {organization}",
      paragraphs: [
        "Alguien ha iniciado sesión en tu cuenta desde un dispositivo que no se había usado antes.",
      ],
      closing: [NOT_YOU.es],
    },
  },
  login_locked: {
    en: {
      subject: "Your login at {organization} is closed for now",
      paragraphs: [
        "There were too many wrong attempts to sign in to your account, so that it is closed for a while on devices nobody knows. Where you have signed in before you can still do so.",
      ],
      closing: ["If it was not you who tried, nobody got in. An administrator can open the login earlier."],
    },
    es: {
      subject: "Tu acceso a {organization} está cerrado por ahora",
      paragraphs: [
        "Ha habido demasiados intentos fallidos de entrar en tu cuenta, así que queda cerrada un tiempo en dispositivos desconocidos. Donde ya habías iniciado sesión puedes seguir haciéndolo.",
      ],
      closing: ["Si no has sido tú, nadie ha entrado. La administración puede abrir el acceso antes."],
    },
  },
  second_factor_changed: {
    en: {
      subject: "Two-step sign-in at {organization} was changed",
      paragraphs: ["The second step of signing in to your account was changed."],
      closing: [NOT_YOU.en],
    },
    es: {
      subject: "La verificación en dos pasos de {organization} ha cambiado",
      paragraphs: ["Se ha cambiado el segundo paso para entrar en tu cuenta."],
      closing: [NOT_YOU.es],
    },
  },
  attack_suspected: {
    en: {
      subject: "Somebody may be trying passwords at {organization}",
      paragraphs: [
        "Many attempts to sign in have failed in a way that looks like an attack. Logins that were tried too often are closed for a while; nobody is locked out on a known device.",
      ],
      closing: ["You get this mail because you are an administrator. The list of attacks tells more."],
    },
    es: {
      subject: "Puede que alguien esté probando contraseñas en {organization}",
      paragraphs: [
        "Muchos intentos de entrar han fallado de una forma que parece un ataque. Los accesos probados demasiadas veces quedan cerrados un tiempo; en dispositivos conocidos nadie queda fuera.",
      ],
      closing: ["Recibes este correo porque administras la organización. La lista de ataques dice más."],
    },
  },
  already_registered: {
    en: {
      subject: "You already have an account at {organization}",
      paragraphs: [
        "Somebody has just signed up at {organization} with this e-mail address, which belongs to your account there. Your account stays as it was. If it was you and you have forgotten your password, ask for a new one.",
      ],
      closing: [UNASKED.en],
    },
    es: {
      subject: "Ya tienes una cuenta en {organization}",
      paragraphs: [
        "Alguien acaba de registrarse en {organization} con esta dirección de correo, que pertenece a tu cuenta. Tu cuenta sigue como estaba. Si has sido tú y has olvidado tu contraseña, pide una nueva.",
      ],
      closing: [UNASKED.es],
    },
  },
  api_key_created: {
    en: {
      subject: "New API key at {organization}",
      paragraphs: ["A key was made with which a program can act for you, without your password."],
      closing: [NOT_YOU.en],
    },
    es: {
      subject: "Nueva clave de API en {organization}",
      paragraphs: ["Se ha creado una clave con la que un programa puede actuar por ti, sin tu contraseña."],
      closing: [NOT_YOU.es],
    },
  },
  confirm_sign_up: {
    en: {
      subject: "Confirm your e-mail address for {organization}",
      paragraphs: [
        "Somebody has made an account at {organization} and given this e-mail address. If it was you, confirm the address with the password that you chose. The link is good for three days, and once.",
      ],
      action: "Confirm the address",
      closing: ["If it was not you, do nothing: without you nobody can use your address there."],
    },
    es: {
      subject: "Confirma tu correo electrónico para {organization}",
      paragraphs: [
        "Alguien ha creado una cuenta en {organization} y ha dado esta dirección de correo. Si has sido tú, confírmala con la contraseña que elegiste. El enlace vale tres días y una sola vez.",
      ],
      action: "Confirmar la dirección",
      closing: ["Si no has sido tú, no hagas nada: sin ti nadie puede usar allí tu dirección."],
    },
  },
  session_reused: {
    en: {
      subject: "A sign-in to {organization} was ended",
      paragraphs: [
        "A token that keeps you signed in was used a second time. It may have been copied, so that sign-in was ended on every device that held it.",
      ],
      closing: [NOT_YOU.en],
    },
    es: {
      subject: "Se ha cerrado una sesión en {organization}",
      paragraphs: [
        "Se ha usado por segunda vez una clave que mantiene tu sesión abierta. Puede que alguien la haya copiado, así que esa sesión se ha cerrado en todos los dispositivos.",
      ],
      closing: [NOT_YOU.es],
    },
  },
};

const GREETING = { en: "Hello {name},", es: "Hola, {name}:" } as const;
const GREETING_WITHOUT_NAME = { en: "Hello,", es: "Hola:" } as const;

/**
 * To an address that nobody has confirmed yet, which may be anybody's: nothing is said there that a person has written
 * about themselves, their name above all, or anybody could have us send their words to a stranger.
 */
const TO_ANYBODY: ReadonlySet<MailTemplate> = new Set(["confirm_sign_up", "confirm_email"]);

/** Whether a mail may call the person by their name. */
export const namesPerson = (template: MailTemplate): boolean => !TO_ANYBODY.has(template);
const COPY = {
  en: "If the button does not work, copy this address into your browser:",
  es: "Si el botón no funciona, copia esta dirección en tu navegador:",
} as const;

/** Whether a template holds a link, and so cannot do without one. */
export const hasLink = (template: MailTemplate): boolean => WORDS[template].en.action !== undefined;

export interface MailContext {
  readonly name: string;
  readonly organization: string;
  /** Where the link leads, for templates with one. Null: it was sent, or is no longer readable. */
  readonly url: string | null;
  readonly values: MailValues;
}

export interface RenderedMail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** A mail as it is sent. Names and values are put in as text: in the HTML escaped, in the subject on one line. */
export function renderMail(
  template: MailTemplate,
  language: MailLanguage,
  context: MailContext,
): RenderedMail {
  const words = WORDS[template][language];
  const fill = (text: string) =>
    // One pass over the template's own text: what a name holds is never looked at again.
    text.replace(/\{(name|organization)\}/g, (_, key: "name" | "organization") => oneLine(context[key]));
  const values = (Object.keys(LABELS) as MailValue[]).flatMap((key) => {
    const value = context.values[key];
    if (value === undefined) return [];
    const told = key === "change" ? (CHANGES[value]?.[language] ?? value) : value;
    return [[LABELS[key][language], oneLine(told)] as const];
  });
  const greeting = namesPerson(template) ? GREETING : GREETING_WITHOUT_NAME;
  const before = [greeting[language], ...words.paragraphs].map(fill);
  const after = (words.closing ?? []).map(fill);
  const subject = fill(words.subject);
  const { url } = context;
  const action = words.action === undefined || url === null ? null : { label: words.action, url };
  const text = [
    ...before,
    ...(action === null ? [] : [`${action.label}:\n${action.url}`]),
    ...(values.length === 0 ? [] : [values.map(([label, value]) => `${label}: ${value}`).join("\n")]),
    ...after,
    fill("{organization}"),
  ];
  const html = [
    ...before.map(paragraph),
    ...(action === null
      ? []
      : [button(action.label, action.url), paragraph(COPY[language]), address(action.url)]),
    ...(values.length === 0
      ? []
      : [
          `<p>${values.map(([label, value]) => `${escapeHtml(label)}: ${escapeHtml(value)}`).join("<br>\n")}</p>`,
        ]),
    ...after.map(paragraph),
    paragraph(fill("{organization}")),
  ];
  return { subject, text: `${text.join("\n\n")}\n`, html: page(language, subject, html.join("\n")) };
}

/** Text as HTML, in an element or an attribute. */
export const escapeHtml = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");

/** Without line ends and other control characters: in a header they would begin another one (RFC 5322 §2.2). */
const oneLine = (text: string): string => text.replace(/[\p{Cc}\u2028\u2029]+/gu, " ").trim();

const paragraph = (text: string): string => `<p>${escapeHtml(text)}</p>`;

const button = (label: string, url: string): string =>
  `<p><a href="${escapeHtml(url)}" style="display:inline-block;padding:10px 18px;background:#1d4ed8;color:#fff;` +
  `border-radius:6px;text-decoration:none">${escapeHtml(label)}</a></p>`;

const address = (url: string): string => `<p style="word-break:break-all;color:#555">${escapeHtml(url)}</p>`;

const page = (language: MailLanguage, title: string, body: string): string => `<!doctype html>
<html lang="${language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<body style="font:16px/1.5 sans-serif;color:#222;max-width:36em;margin:0 auto;padding:16px">
${body}
</body>
</html>
`;
