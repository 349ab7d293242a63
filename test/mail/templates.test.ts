/** What mails say. */
import { describe, expect, test } from "bun:test";
import {
  hasLink,
  MAIL_LANGUAGES,
  MAIL_TEMPLATES,
  type MailValues,
  mailLanguage,
  renderMail,
} from "../../src/mail-templates.ts";

const VALUES: MailValues = {
  username: "ada",
  time: "24 November 2026, 12:00",
  device: "desktop",
  browser: "Firefox",
  address: "203.0.113.7",
  until: "12:30",
  attempts: "5",
  accounts: "40",
  addresses: "3",
  change: "on",
};
const url = "https://satchel.example/links/x#satchel_link_AAAA";
const context = { name: "Ada Lovelace", organization: "Springfield", url, values: VALUES };

const all = MAIL_TEMPLATES.flatMap((template) =>
  MAIL_LANGUAGES.map((language) => [template, language] as const),
);

describe("every template", () => {
  test.each(all)(
    "%s is whole in %s: no placeholder is left, text and HTML say the same",
    (template, language) => {
      const { subject, text, html } = renderMail(template, language, context);
      for (const part of [subject, text, html]) {
        expect(part).not.toMatch(/\{\w*\}|undefined|null|\[object/);
        expect(part).toContain("Springfield");
      }
      expect(subject).toMatch(/^.{10,90}$/u);
      // An address that nobody has confirmed may be anybody's: nobody's own words go there.
      expect(text.includes("Ada Lovelace")).toBe(!["confirm_sign_up", "confirm_email"].includes(template));
      expect(text.includes(url)).toBe(hasLink(template));
      expect(html.includes(`href="${url}"`)).toBe(hasLink(template));
      expect(html).toContain(`<html lang="${language}">`);
      for (const value of Object.values(VALUES).filter((value) => value !== "on")) {
        expect(text).toContain(value);
        expect(html).toContain(value);
      }
      expect(html).not.toMatch(/<(?:img|script|link|iframe)|url\(/);
    },
  );

  test.each(MAIL_TEMPLATES)("%s differs between the languages", (template) => {
    const [english, spanish] = MAIL_LANGUAGES.map((language) => renderMail(template, language, context));
    expect(english?.subject).not.toBe(spanish?.subject ?? "");
    expect(english?.text).not.toBe(spanish?.text ?? "");
  });
});

test("whoever chose any Spanish is written in Spanish, everybody else in English", () => {
  expect(["es", "es-MX", "es-419"].map(mailLanguage)).toEqual(["es", "es", "es"]);
  expect(["en", "en-GB", "fr", "est", "eu", ""].map(mailLanguage)).toEqual(Array(6).fill("en"));
});

describe("what is put in", () => {
  const hostile = `<b onload="x()">'&{name}{organization}`;

  test.each(all)(
    "%s in %s escapes names and values, and takes none for a placeholder",
    (template, language) => {
      const { text, html } = renderMail(template, language, {
        ...context,
        name: hostile,
        organization: hostile,
        values: { device: hostile },
      });
      expect(html).not.toContain("<b ");
      expect(html).toContain("&lt;b onload=&quot;x()&quot;&gt;&#39;&amp;{name}{organization}");
      expect(text).toContain(hostile);
    },
  );

  test("a name can add no header and no line", () => {
    for (const end of ["\r\n", "\n", "\r", "\u0085", "\u2028", "\0"]) {
      const name = `School${end}Bcc: everybody@example.org${end}${end}body`;
      const { subject, text } = renderMail("invitation", "en", { ...context, organization: name });
      expect(subject).toBe("Your invitation to School Bcc: everybody@example.org body");
      expect(text).not.toContain(`${end}Bcc`);
    }
  });

  test("a mail whose link is gone is shown without one", () => {
    const { text, html } = renderMail("reset_password", "en", { ...context, url: null });
    expect(text).not.toContain("http");
    expect(html).not.toContain("<a ");
  });
});
