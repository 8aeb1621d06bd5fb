//! Formulas against the expression library: random expressions over random events give the same
//! value or the same error in both.

use serde_json::json;

use super::*;
use crate::map::formula::{COMPILED, SWITCHED_OFF};

/// Expressions, and events for each of them, where nobody asks for more.
const SHORT: (u64, u64) = (200, 30);
/// The same with `SLUICEGATE_LONG=1`: more than a million pairs.
const LONG: (u64, u64) = (28_000, 50);

/// The plan of an expression as it is, and the one in which all is the library's.
fn both(expression: &str) -> Option<(Plan, Plan)> {
    let mapping = json!({
        "let": {
            "given": "${event.?a.orValue(1)}",
            "alias": "${event.b}",
            "shout": "${string(event.a) + '!'}",
            "pair": "${[event.a, event.b]}",
        },
        "record": {"put": {"v": format!("${{{expression}}}")}},
    });
    let compile = |off: bool| {
        SWITCHED_OFF.set(off);
        let plan = Plan::compile(&source(&mapping, FIELDS));
        SWITCHED_OFF.set(false);
        plan
    };
    match (compile(false), compile(true)) {
        (Ok(ours), Ok(theirs)) => Some((ours, theirs)),
        (Err(ours), Err(theirs)) => {
            assert_eq!(ours, theirs, "{expression}");
            None
        }
        (ours, theirs) => panic!("{expression}: {ours:?} against {theirs:?}"),
    }
}

fn given(plan: &Plan, event: &str) -> String {
    match outcome(plan, event) {
        Ok(Some(record)) => shown(record.value(4)),
        Ok(None) => "nothing".to_owned(),
        Err(refusal) => refusal,
    }
}

fn compare(expression: &str, event: &str) {
    let Some((ours, theirs)) = both(expression) else {
        return;
    };
    assert_eq!(
        given(&ours, event),
        given(&theirs, event),
        "{expression} of {event}"
    );
}

#[test]
fn formulas_give_what_the_library_gives() {
    let long = std::env::var("SLUICEGATE_LONG").is_ok();
    let (expressions, events) = if long { LONG } else { SHORT };
    let seed = std::env::var("SLUICEGATE_SEED");
    let seed = seed.map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    let (mut pairs, mut values, before) = (0_u64, 0_u64, COMPILED.get());
    for number in 0..expressions {
        let mut random = Random(fastrand::Rng::with_seed(seed.wrapping_add(number)));
        let expression = random.expression(4);
        let Some((ours, theirs)) = both(&expression) else {
            continue;
        };
        for _ in 0..events {
            let event = random.event();
            let (ours, theirs) = (given(&ours, &event), given(&theirs, &event));
            assert_eq!(
                ours,
                theirs,
                "SLUICEGATE_SEED={} finds it again: {expression} of {event}",
                seed.wrapping_add(number)
            );
            pairs += 1;
            values += u64::from(ours.starts_with('{'));
        }
    }
    let formulas = COMPILED.get() - before;
    println!("{pairs} pairs, {values} of them with a value, {formulas} formulas; seed {seed}");
    assert!(pairs > expressions * events / 4, "{pairs} of them");
    assert!(values > pairs / 8, "{values} of {pairs} have a value");
    assert!(formulas > expressions / 2, "{formulas} formulas");
}

/// Each of these was a difference once, or would be an easy one to make.
#[test]
fn what_is_easily_mistaken_is_the_same() {
    for expression in [
        "event.a == event.b",
        "event.a < event.b",
        "event.a >= event.b",
        "event.a + event.b",
        "event.a - event.b",
        "event.a * event.b",
        "event.a / event.b",
        "event.a % event.b",
        "-event.a",
        "!event.a",
        "event.a && event.b",
        "event.a || event.b",
        "event.a ? event.b : event.c",
        "event.a == null",
        "event.a in [1, 1.0, uint(1), 'a', null, true]",
        "event.a in [1, 'a', null, true]",
        "event.a.startsWith(event.b)",
        "event.?a.orValue(event.b)",
        "event.?a.hasValue() && event.b",
        "event.a == 'order' && event.b > 10.0",
        "has(event.a) && event.a == 10",
        "event.a == 9223372036854775807 || event.a == 9223372036854775807.0",
        "1.0 / event.a",
        "0.0 / event.a == 0.0 / event.a",
        "0.0 / event.a < 1.0",
        "size(event.a) > size(event.b)",
        "string(event.a) == event.b",
        "int(event.a) == int(event.b)",
        "alias == event.b && given == event.a",
        "shout + event.b",
        "pair + event.a",
        "pair == [event.a, event.b]",
        "timestamp(event.a) - timestamp(event.b)",
        "duration(event.a) + timestamp(event.b)",
        "(1 < event.a) == (event.b > 2)",
        "type(event.a) == type(event.b)",
        "dyn(event.a) == event.b",
        "bytes(event.a) + bytes(event.b)",
    ] {
        let (ours, theirs) = both(expression).unwrap_or_else(|| panic!("{expression}"));
        for (index, a) in VALUES.iter().enumerate() {
            for b in VALUES.iter().skip(index % 2).step_by(2) {
                let event = format!(r#"{{"a":{a},"b":{b},"c":7}}"#);
                let (ours, theirs) = (given(&ours, &event), given(&theirs, &event));
                assert_eq!(ours, theirs, "{expression} of {event}");
            }
        }
    }
    compare("event.a + event", r#"{"a":[1],"b":2,"c":3,"d":4,"e":5}"#);
    compare("event.a", r#"{"a":1}"#);
    compare("event.a && event.b", r#"{"b":1}"#);
    compare("event.a && event.b", r#"{"b":false}"#);
    compare("event.a || event.b", r#"{"b":true}"#);
    compare("event.a || event.b", r#"{"a":1}"#);
    compare("event.?a.orValue(event.b)", r#"{"a":1}"#);
    compare("event.a.startsWith(event.b)", "{}");
}

const VALUES: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "-1",
    "10",
    "10.0",
    "1e1",
    "0.1",
    "-1.5",
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "1e308",
    "1e400",
    "1e-400",
    r#""""#,
    r#""a""#,
    r#""\u0061""#,
    r#""order""#,
    r#""10""#,
    r#""1.5""#,
    r#""true""#,
    r#""é😀""#,
    r#""\ud83d\ude00\n""#,
    r#""2026-01-02T03:04:05Z""#,
    r#""90s""#,
    "[]",
    "[1, 2]",
    r#"["a"]"#,
    "[9223372036854775808]",
    "{}",
    r#"{"x": 1}"#,
    r#"{"x": 1, "x": 2}"#,
];

struct Random(fastrand::Rng);

impl Random {
    fn one_of<'t>(&mut self, choices: &[&'t str]) -> &'t str {
        choices[self.0.usize(..choices.len())]
    }

    /// An event with some of the names that expressions use.
    fn event(&mut self) -> String {
        let mut members = Vec::new();
        for name in ["a", "b", "c", "n"] {
            if self.0.u8(..8) == 0 {
                continue;
            }
            let value = self.one_of(VALUES);
            members.push(match name {
                "n" if self.0.bool() => format!(r#""n": {{"x": {value}, "y": [{value}]}}"#),
                _ => format!(r#""{name}": {value}"#),
            });
        }
        format!("{{{}}}", members.join(", "))
    }

    /// An expression of any type.
    fn expression(&mut self, depth: u8) -> String {
        match self.0.u8(..6) {
            0 => self.number(depth),
            1 => self.text(depth),
            2 => self.any(depth),
            _ => self.boolean(depth),
        }
    }

    fn any(&mut self, depth: u8) -> String {
        if depth == 0 || self.0.u8(..3) == 0 {
            return self
                .one_of(&[
                    "event.a",
                    "event.b",
                    "event.c",
                    "event.n.x",
                    "event.n.y[0]",
                    "event.n",
                    "alias",
                    "given",
                    "pair",
                    "event",
                ])
                .to_owned();
        }
        let depth = depth - 1;
        match self.0.u8(..7) {
            0 => {
                let (condition, then) = (self.boolean(depth), self.any(depth));
                format!("({condition} ? {then} : {})", self.expression(depth))
            }
            1 => format!("event.?a.orValue({})", self.expression(depth)),
            2 => format!("event.n.?x.orValue({})", self.expression(depth)),
            3 => format!("dyn({})", self.expression(depth)),
            4 => format!("({} + {})", self.any(depth), self.any(depth)),
            5 => format!("[{}, {}][0]", self.any(depth), self.text(depth)),
            _ => self.expression(depth),
        }
    }

    fn boolean(&mut self, depth: u8) -> String {
        if depth == 0 {
            return self
                .one_of(&[
                    "true",
                    "false",
                    "event.a",
                    "has(event.a)",
                    "has(event.n.x)",
                    "has(query.flag)",
                ])
                .to_owned();
        }
        let depth = depth - 1;
        match self.0.u8(..13) {
            11 => format!("{}.matches('^[a-o]+$')", self.any(depth)),
            0 => format!("!{}", self.boolean(depth)),
            1 => format!("({} && {})", self.boolean(depth), self.boolean(depth)),
            2 => format!("({} || {})", self.boolean(depth), self.boolean(depth)),
            3 | 4 => {
                let sign = self.one_of(&["==", "!="]);
                format!("({} {sign} {})", self.any(depth), self.expression(depth))
            }
            5 => {
                let sign = self.one_of(&["<", "<=", ">", ">="]);
                format!("({} {sign} {})", self.any(depth), self.number(depth))
            }
            6 => {
                let sign = self.one_of(&["<", "<=", ">", ">=", "==", "!="]);
                format!("({} {sign} {})", self.text(depth), self.any(depth))
            }
            7 => {
                let list = self.one_of(&[
                    "['a', 'order', '']",
                    "[1, 10.0, uint(3)]",
                    "[null, true]",
                    "[1, 'a', 1.5]",
                ]);
                format!("({} in {list})", self.any(depth))
            }
            8 => {
                let name = self.one_of(&["contains", "startsWith", "endsWith"]);
                format!("{}.{name}({})", self.any(depth), self.text(depth))
            }
            9 => format!(
                "({} ? {} : {})",
                self.boolean(depth),
                self.boolean(depth),
                self.boolean(depth)
            ),
            10 => self
                .one_of(&[
                    "event.?b.hasValue()",
                    "has(event.b)",
                    "event.n.?x.hasValue()",
                ])
                .to_owned(),
            _ => self.any(depth),
        }
    }

    fn number(&mut self, depth: u8) -> String {
        if depth == 0 || self.0.u8(..4) == 0 {
            return self
                .one_of(&[
                    "0",
                    "1",
                    "-1",
                    "10",
                    "10.0",
                    "0.5",
                    "-0.0",
                    "1e300",
                    "3u",
                    "9223372036854775807",
                    "-9223372036854775808",
                    "18446744073709551615u",
                    "event.a",
                    "event.b",
                    "size(event.c)",
                    "now_millis()",
                ])
                .to_owned();
        }
        let depth = depth - 1;
        match self.0.u8(..10) {
            5 => format!("math.abs({})", self.any(depth)),
            6 => format!("math.floor({})", self.any(depth)),
            0 => format!("-{}", self.any(depth)),
            1 => format!("int({})", self.any(depth)),
            2 => format!("double({})", self.any(depth)),
            3 => format!("size({})", self.any(depth)),
            4 => format!("uint({})", self.any(depth)),
            _ => {
                let sign = self.one_of(&["+", "-", "*", "/", "%"]);
                format!("({} {sign} {})", self.number(depth), self.any(depth))
            }
        }
    }

    fn text(&mut self, depth: u8) -> String {
        if depth == 0 || self.0.u8(..4) == 0 {
            return self
                .one_of(&[
                    "''",
                    "'a'",
                    "'order'",
                    "'10'",
                    "'é😀'",
                    "'\\n'",
                    "query.page",
                    "query.q",
                    "query.bad",
                    "query.?none.orValue('-')",
                    "path.tenant",
                    "request.headers[\"x-trace\"]",
                    "request.headers[\"x-bad\"]",
                    "shout",
                    "json(event.a)",
                    "now()",
                    "event.a",
                ])
                .to_owned();
        }
        let depth = depth - 1;
        match self.0.u8(..11) {
            5 => format!("{}.truncate(3)", self.any(depth)),
            6 => format!("{}.padStart(4, {})", self.any(depth), self.text(depth)),
            7 => format!("regex.replace({}, '[ae1]', 'x')", self.any(depth)),
            0 => format!("string({})", self.any(depth)),
            1 => format!("{}.lower()", self.any(depth)),
            2 => format!("{}.replace('a', {})", self.any(depth), self.text(depth)),
            3 => format!("{}.substring(0, 1)", self.text(depth)),
            4 => format!("hash({})", self.any(depth)),
            _ => format!("({} + {})", self.text(depth), self.any(depth)),
        }
    }
}
