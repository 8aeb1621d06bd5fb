//! Condition expressions: every attribute name becomes an alias, since DynamoDB reserves 573 words
//! (`name`, `status`, `timestamp`) that a mapping should not have to know.

use std::collections::HashMap;

use sluicegate_contract::Reason;

use crate::item::invalid;

/// Bytes of an expression.
const EXPRESSION_BYTES_MAX: usize = 4096;
const FUNCTIONS: &[&str] = &[
    "attribute_exists",
    "attribute_not_exists",
    "attribute_type",
    "begins_with",
    "contains",
    "size",
];
const OPERATORS: &[&str] = &["AND", "OR", "NOT", "BETWEEN", "IN"];

/// An expression whose attribute names are aliases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Condition {
    /// The text, with `#n0`, `#n1`, … in place of names.
    pub(crate) text: String,
    /// What each alias stands for.
    pub(crate) names: HashMap<String, String>,
}

/// Reads an expression as the file has it, its values bound as `:p0`, `:p1`, ….
///
/// # Errors
/// `Invalid`, saying what stands in it that cannot.
pub(crate) fn alias(text: &str) -> Result<Condition, Reason> {
    if text.len() > EXPRESSION_BYTES_MAX {
        let detail = format!("a condition has at most {EXPRESSION_BYTES_MAX} bytes");
        return Err(invalid(detail));
    }
    let mut condition = Condition::default();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = token_length(rest, first)?;
        let (token, after) = rest.split_at(length);
        if is_name_start(first) {
            let called = after.trim_start().starts_with('(');
            let word = translate(token, called, &mut condition.names)?;
            condition.text.push_str(&word);
        } else {
            check_number(token, &condition.text)?;
            condition.text.push_str(token);
        }
        rest = after;
    }
    if condition.text.trim().is_empty() {
        return Err(invalid("the condition is empty".to_owned()));
    }
    Ok(condition)
}

/// Bytes of the token that `text` begins with.
fn token_length(text: &str, first: char) -> Result<usize, Reason> {
    let word = |skip: usize| {
        let inner = text.get(skip..).unwrap_or_default();
        skip + inner.find(|c| !is_name_part(c)).unwrap_or(inner.len())
    };
    match first {
        first if is_name_start(first) => Ok(word(0)),
        '0'..='9' => Ok(word(0)),
        ':' if word(1) > 1 => Ok(word(1)),
        ' ' | '\t' | '\n' | '\r' | '(' | ')' | ',' | '=' | '<' | '>' | '[' | ']' | '.' => Ok(1),
        '\'' | '"' => Err(invalid(
            "a condition has no quoted text: bind it as ${'text'}".to_owned(),
        )),
        '#' => Err(invalid(
            "a condition needs no `#name`: write the attribute's name".to_owned(),
        )),
        other => Err(invalid(format!(
            "`{}` stands in the condition",
            other.escape_default()
        ))),
    }
}

/// A number stands only between brackets, as an index.
fn check_number(token: &str, before: &str) -> Result<(), Reason> {
    let number = token.starts_with(|c: char| c.is_ascii_digit());
    let index = before.ends_with('[') && token.bytes().all(|byte| byte.is_ascii_digit());
    if number && !index {
        let detail = format!("a condition has no numbers: bind it as ${{{token}}}");
        return Err(invalid(detail));
    }
    Ok(())
}

fn translate(
    word: &str,
    called: bool,
    names: &mut HashMap<String, String>,
) -> Result<String, Reason> {
    if called && FUNCTIONS.contains(&word) {
        return Ok(word.to_owned());
    }
    if OPERATORS
        .iter()
        .any(|operator| operator.eq_ignore_ascii_case(word))
    {
        return Ok(word.to_owned());
    }
    if called {
        let known = FUNCTIONS.join(", ");
        return Err(invalid(format!(
            "`{word}` is not a function of conditions: {known}"
        )));
    }
    let known = names
        .iter()
        .find(|(_, name)| *name == word)
        .map(|(alias, _)| alias.clone());
    Ok(known.unwrap_or_else(|| {
        let alias = format!("#n{}", names.len());
        names.insert(alias.clone(), word.to_owned());
        alias
    }))
}

fn is_name_start(character: char) -> bool {
    character.is_ascii_alphabetic() || character == '_'
}

fn is_name_part(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_aliases_and_words_of_the_language_stay() {
        for (text, expected, names) in [
            (
                "attribute_not_exists(pk)",
                "attribute_not_exists(#n0)",
                vec!["pk"],
            ),
            ("status = :p0", "#n0 = :p0", vec!["status"]),
            (
                "attribute_not_exists (pk) or version<:p0 AND NOT pk IN (:p1, :p2)",
                "attribute_not_exists (#n0) or #n1<:p0 AND NOT #n0 IN (:p1, :p2)",
                vec!["pk", "version"],
            ),
            (
                "a.b[0].c <> :p0",
                "#n0.#n1[0].#n2 <> :p0",
                vec!["a", "b", "c"],
            ),
            ("size(body) > :p0", "size(#n0) > :p0", vec!["body"]),
            ("size > :p0", "#n0 > :p0", vec!["size"]),
            (
                "x between :p0 and :p1",
                "#n0 between :p0 and :p1",
                vec!["x"],
            ),
        ] {
            let condition = alias(text).unwrap();
            assert_eq!(condition.text, expected);
            assert_eq!(condition.names.len(), names.len());
            for (place, name) in names.iter().enumerate() {
                assert_eq!(condition.names[&format!("#n{place}")], *name);
            }
        }
    }

    #[test]
    fn what_cannot_stand_in_a_condition_is_named_with_the_remedy() {
        for (text, words) in [
            ("version < 5", "${5}"),
            ("x[y1] = :p0 or 7 = :p0", "${7}"),
            ("name = 'a'", "bind it as"),
            ("name = \"a\"", "bind it as"),
            ("#s = :p0", "needs no `#name`"),
            ("exists(pk)", "`exists` is not a function"),
            ("my-attribute = :p0", "`-`"),
            ("ä = :p0", "\\u{e4}"),
            ("  ", "empty"),
            ("a = :", "`:`"),
        ] {
            let reason = alias(text).unwrap_err();
            assert!(
                reason.detail().unwrap().contains(words),
                "{reason} has {words}"
            );
        }
        assert!(alias(&"a ".repeat(5000)).is_err());
    }
}
