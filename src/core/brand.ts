declare const brand: unique symbol;

/** A type that only a parser can hand out, so that two kinds of string cannot be mixed up. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
