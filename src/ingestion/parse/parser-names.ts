/** Names of the parsers, in a file of their own: whoever only asks for a name need not load a parser. Count up on a change of output. */
export const MARKDOWN_PARSER = 'markdown@1';
export const HTML_PARSER = 'html@1';
export const TEXT_PARSER = 'text@1';
/** For chunks that the caller cut itself. */
export const CHUNKS_PARSER = 'chunks@1';

/** All of them: a document is indexed again when any changed, which is rare, and never too seldom. */
export const PARSERS = [MARKDOWN_PARSER, HTML_PARSER, TEXT_PARSER, CHUNKS_PARSER].join('+');
