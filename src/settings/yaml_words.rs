//! What the YAML reader says, in words that tell what to do.

/// A part of the reader's message, what is said in its place (empty: its own words), and the
/// remedy.
const TABLE: &[(&str, &str, &str)] = &[
    (
        "multiple YAML documents",
        "there is a second document (`---`)",
        "keep one document in a file: several files are a union",
    ),
    (
        "recursive references",
        "an alias stands inside of its own anchor",
        "write the value out where the alias stands",
    ),
    (
        "budget breached: Depth",
        "it nests deeper than 64 levels",
        "a file has 64 levels at most",
    ),
    (
        "recursion limit exceeded",
        "it nests deeper than 64 levels",
        "a file has 64 levels at most",
    ),
    (
        "alias replay limit",
        "its aliases repeat too much",
        "anchors may repeat a little of a file, not multiply it; a file has 64 levels at most",
    ),
    (
        "budget breached",
        "it holds more than a file may",
        "spread it over several files; anchors may repeat a little of a file, not multiply it",
    ),
    (
        "non-finite float",
        "a number is too large, or is none",
        "write it in quotes where it is a text",
    ),
    (
        "expected string scalar",
        "a key is not a text",
        "write keys as names: `name: value`",
    ),
    (
        "misplaced bracket",
        "",
        "put a space between `:` and `{` or `[`, and close what is open",
    ),
    (
        "mapping values are not allowed",
        "a `: ` stands where no key can be",
        "put a text that holds `: ` in quotes: `name: \"a: b\"`",
    ),
    (
        "did not find expected key",
        "a key stands in a column of its own",
        "indent all keys of one map alike",
    ),
    (
        "expected ',' or '}'",
        "",
        "within `{ … }` and `[ … ]`, put expressions in quotes: `user: \"${event.user}\"`",
    ),
    (
        "expected ',' or ']'",
        "",
        "within `{ … }` and `[ … ]`, put expressions in quotes: `[\"${event.user}\"]`",
    ),
    (
        "unknown anchor",
        "",
        "define it above with `&name`, or put a text that begins with `*` in quotes",
    ),
    (
        "merge value must be",
        "`<<` takes a map",
        "write the alias of a map behind it: `<<: *name`",
    ),
    (
        "unclosed quote",
        "",
        "close the text with the same quote that opens it: `\"…\"`, `'…'`",
    ),
    (
        "mismatched bracket",
        "",
        "close each `[` with `]` and each `{` with `}`, the last opened first",
    ),
    (
        "unexpected character",
        "",
        "take the control character out, or write it as an escape in double quotes",
    ),
];

/// The message and the remedy for what the reader said; `None` where it speaks for itself.
pub(super) fn translated(said: &str) -> Option<(&str, &'static str)> {
    let (_, message, remedy) = TABLE.iter().find(|(part, ..)| said.contains(part))?;
    let message = if message.is_empty() { said } else { *message };
    Some((message, remedy))
}
