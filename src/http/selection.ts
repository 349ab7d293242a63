/**
 * `fields=` and `include=`: a caller names the fields they want, and what else should come along with each item. The same
 * for every list and every single read; a name that is not known is refused by the schema.
 */
import { type Static, type TObject, type TProperties, Type } from "@sinclair/typebox";
import { choice } from "./wire.ts";

/** What is there whatever the caller names: what an item is called, and what it is changed by. */
const ALWAYS: readonly string[] = ["id", "version"];

export interface Selected<P extends TProperties, I extends TProperties> {
  readonly fields?: readonly (keyof P & string)[] | undefined;
  readonly include?: readonly (keyof I & string)[] | undefined;
}

type Chosen<P extends TProperties, I extends TProperties> = Partial<Static<TObject<P>>> &
  Pick<Static<TObject<P>>, keyof Static<TObject<P>> & ("id" | "version")> &
  Partial<Static<TObject<I>>>;

/**
 * `shape`: an item whole, with `id`. `includable`: what comes along only when asked for, under the same name. Gives the two
 * parameters for the endpoint's query, the shape of its items, and `select`, which leaves of an item what was named; what
 * was included stays.
 */
export function selectionOf<P extends TProperties, I extends TProperties>(
  shape: TObject<P>,
  includable: TObject<I>,
) {
  const names = Object.keys(shape.properties) as (keyof P & string)[];
  const extras = Object.keys(includable.properties) as (keyof I & string)[];
  const always = names.filter((name) => ALWAYS.includes(name));
  const list = <N extends string>(of: readonly N[], description: string) =>
    Type.Optional(
      Type.Array(choice(of), { minItems: 1, maxItems: of.length, uniqueItems: true, description }),
    );
  return {
    query: {
      fields: list(
        names,
        `Only these fields, between commas; ${always.map((name) => `\`${name}\``).join(" and ")} always come along.`,
      ),
      include: list(extras, "What else should come along, between commas."),
    },
    shape: Type.Unsafe<Chosen<P, I>>(
      Type.Object({
        ...Type.Partial(shape).properties,
        ...Object.fromEntries(always.map((name) => [name, shape.properties[name] ?? Type.Never()])),
        ...Type.Partial(includable).properties,
      }),
    ),
    select: (
      item: Static<TObject<P>>,
      { fields }: Pick<Selected<P, I>, "fields">,
      included: Partial<Static<TObject<I>>> = {},
    ): Chosen<P, I> => {
      const wanted: readonly string[] | null = fields === undefined ? null : [...always, ...fields];
      const kept = Object.entries(item as object).filter(([name]) => wanted?.includes(name) ?? true);
      return { ...Object.fromEntries(kept), ...included } as Chosen<P, I>;
    },
  };
}
