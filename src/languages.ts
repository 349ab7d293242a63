/**
 * Languages as people write them, brought to one form: the ISO 639-1 code where there is one. The database maps the
 * code to a text search configuration (app.search_configuration).
 */
const NAMES: Readonly<Record<string, string>> = {
  arabic: "ar",
  armenian: "hy",
  basque: "eu",
  catalan: "ca",
  danish: "da",
  dutch: "nl",
  english: "en",
  finnish: "fi",
  french: "fr",
  german: "de",
  greek: "el",
  hindi: "hi",
  hungarian: "hu",
  indonesian: "id",
  irish: "ga",
  italian: "it",
  lithuanian: "lt",
  nepali: "ne",
  norwegian: "no",
  portuguese: "pt",
  romanian: "ro",
  russian: "ru",
  serbian: "sr",
  spanish: "es",
  swedish: "sv",
  tamil: "ta",
  turkish: "tr",
  yiddish: "yi",
};

/** A code like `es` or `pt-BR`, or the name of a configuration like `spanish` or `simple`. */
export const LANGUAGE_PATTERN = "^[A-Za-z]{2,10}(-[A-Za-z0-9]{1,8})*$";
/** The pattern in words. */
export const LANGUAGE_FORM = "must be a code or the English name of a language, like es, pt-BR or spanish";

/** `Spanish`, `ES` and `es` are `es`, `portuguese-br` is `pt-BR` (RFC 5646 §2.1.1); what has no code stays as it is. */
export function languageCode(written: string): string {
  const [language = "", ...subtags] = written.toLowerCase().split("-");
  const code = (Object.hasOwn(NAMES, language) ? NAMES[language] : undefined) ?? language;
  return [code, ...subtags.map(inItsCase)].join("-");
}

/** A script as `Latn`, a region as `BR`, all else in lower case. */
const inItsCase = (subtag: string): string =>
  subtag.length === 4
    ? `${subtag.charAt(0).toUpperCase()}${subtag.slice(1)}`
    : subtag.length === 2
      ? subtag.toUpperCase()
      : subtag;
