//! What to do about an issue whose finder did not say it: no message stands without a remedy.

use super::Sources;
use crate::map::Issue;

/// Gives an issue without a help one.
pub(super) fn helped(mut issue: Issue, sources: &Sources) -> Issue {
    if issue
        .help
        .as_ref()
        .is_none_or(|help| help.trim().is_empty())
    {
        let text = sources.file(issue.at).map_or("", |file| &file.text);
        let end = issue.at.end.min(text.len());
        let excerpt = text.get(issue.at.start..end).unwrap_or_default();
        issue.help = Some(remedy(&issue.message, excerpt).to_owned());
    }
    issue
}

fn remedy(message: &str, excerpt: &str) -> &'static str {
    if message.starts_with("this is not an expression") {
        return of_expression(message, excerpt);
    }
    if message.contains("must be one of") {
        return "write one of these words";
    }
    if message.contains("two values of one type") {
        return "convert one side, so that both are numbers, or both are texts";
    }
    if message.contains("at least") || message.contains("at most") || message.contains("between") {
        return "write a number within these bounds";
    }
    "`sluicegate schema` says what a file may hold, `sluicegate schema --functions` what \
     expressions may call"
}

/// What people write who are used to another language.
fn of_expression(message: &str, excerpt: &str) -> &'static str {
    let padded = format!(" {excerpt} ");
    let words = [" and ", " or ", " not "];
    if excerpt.contains("===") || excerpt.contains("!==") {
        return "write `==` for equal and `!=` for not equal";
    }
    if words.iter().any(|word| padded.contains(word)) {
        return "write `&&` for and, `||` for or, `!` for not";
    }
    if has_single_equals(excerpt) {
        return "compare with `==`: an expression sets nothing";
    }
    if message.contains("missing ')'") || message.contains("missing ']'") {
        return "close what is open: each `(` needs a `)`, each `[` a `]`";
    }
    if message.contains("extraneous input") {
        return "write one expression: names have no spaces, and what stands side by side needs an \
                operator between";
    }
    "expressions are CEL, for example `event.type == 'order' && event.total > 10.0`"
}

fn has_single_equals(text: &str) -> bool {
    let bytes = text.as_bytes();
    let at = |place: Option<usize>| place.and_then(|place| bytes.get(place)).copied();
    bytes.iter().enumerate().any(|(place, byte)| {
        let before = at(place.checked_sub(1)).unwrap_or(b' ');
        *byte == b'=' && at(Some(place + 1)) != Some(b'=') && !b"=!<>".contains(&before)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_other_languages_get_the_word_of_this_one() {
        let said = "this is not an expression: mismatched input";
        for (text, part) in [
            ("event.a and event.b", "`&&`"),
            ("event.a = 1", "`==`"),
            ("event.a === 1", "`==`"),
            ("event.a >= 1 ~ 2", "CEL"),
            ("", "CEL"),
        ] {
            assert!(remedy(said, text).contains(part), "{text}");
        }
        assert!(!remedy("something else", "").is_empty());
    }
}
