import type { DefaultTreeAdapterTypes } from 'parse5';

type Element = DefaultTreeAdapterTypes.Element;

/** Elements whose content is never text on the page. An image's alternative text is not on it either. */
const UNSEEN: ReadonlySet<string> = new Set(
  (
    'script style template noscript iframe object embed applet head title meta link base svg canvas audio video picture map ' +
    'textarea select datalist option input img noframes noembed dialog'
  ).split(' '),
);

const ZERO = '0(?:\\.0*)?(?:px|pt|em|rem|%|vh|vw|cm|mm|in)?(?=$|[;!/])';
/** Declarations that hide, in a style attribute without white space and comments. Style sheets are not evaluated. */
const HIDING = new RegExp(
  '(?:^|;)(?:' +
    [
      'display:none',
      '(?:content-)?visibility:(?:hidden|collapse)',
      `(?:opacity|font-size|font|(?:max-)?width|(?:max-)?height|zoom|scale):${ZERO}`,
      'color:transparent',
      'clip:rect\\(0',
      'clip-path:inset\\((?:50|100)%',
      'text-indent:-\\d{3,}',
      '(?:left|right|top|bottom|margin|margin-left|margin-top|margin-right):-\\d{4,}',
      'transform:scale\\(0\\)',
    ].join('|') +
    ')',
);

/** False where a reader of the page would not see the element: text hidden from people must not reach a model. */
export function isVisible(element: Element): boolean {
  if (UNSEEN.has(element.tagName)) return false;
  return !element.attrs.some(({ name, value }) => {
    if (name === 'hidden') return true;
    if (name === 'aria-hidden') return value.trim().toLowerCase() === 'true';
    if (name === 'style') return HIDING.test(bare(value));
    return false;
  });
}

function bare(style: string): string {
  return style
    .replace(/\/\*.*?(?:\*\/|$)/gs, '')
    .replace(/\\([0-9a-f]{1,6})\s?/gi, (_escape, hex: string) => character(Number.parseInt(hex, 16)))
    .replace(/[\s\\]+/g, '')
    .toLowerCase();
}

/** CSS spells any letter as an escape: `d\69splay`. */
function character(code: number): string {
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '';
}
