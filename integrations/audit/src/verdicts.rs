//! The seven rules, judged on what was sent and what was found. Pure: no clock, no socket.

use std::time::Duration;

use crate::history::{History, Outcome, Tally};
use crate::holding::{Finding, Holding};

/// How long a fresh event may take to go through once the faults are over.
pub const FRESH_WITHIN: Duration = Duration::from_secs(5);

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Every acknowledged event is in every required target.
    Lost,
    /// Nothing is there that was never sent, or was definitely refused.
    Strangers,
    /// Payloads are equal, byte for byte.
    Payload,
    /// Acknowledged events of a key stand in the order in which they were sent one after another.
    Order,
    /// No more duplicates than events whose outcome is in doubt.
    Duplicates,
    /// A fresh event goes through soon after the faults.
    Fresh,
    /// Enough was acknowledged, and enough went wrong, to say anything.
    Enough,
}

impl Rule {
    /// All seven, in the order of the report.
    pub const ALL: [Self; 7] = [
        Self::Lost,
        Self::Strangers,
        Self::Payload,
        Self::Order,
        Self::Duplicates,
        Self::Fresh,
        Self::Enough,
    ];

    /// Its word on the command line and in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Strangers => "strangers",
            Self::Payload => "payload",
            Self::Order => "order",
            Self::Duplicates => "duplicates",
            Self::Fresh => "fresh",
            Self::Enough => "enough",
        }
    }

    /// What it says.
    #[must_use]
    pub const fn says(self) -> &'static str {
        match self {
            Self::Lost => "every acknowledged event is in every required target",
            Self::Strangers => "nothing is there that was never sent or was refused",
            Self::Payload => "payloads are equal byte for byte",
            Self::Order => "events of a key stand in the order of their sending",
            Self::Duplicates => "no more duplicates than outcomes in doubt",
            Self::Fresh => "a fresh event goes through within 5 s",
            Self::Enough => "enough was acknowledged and enough went wrong",
        }
    }
}

/// How a rule was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was looked at, and holds.
    Passed,
    /// It does not hold.
    Violated,
    /// Nothing can be said, which is no pass.
    Void,
    /// It is not promised here, or its user does not want it judged.
    NotAsked,
}

impl Verdict {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Violated => "violated",
            Self::Void => "void",
            Self::NotAsked => "not asked",
        }
    }
}

/// A judged rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The rule.
    pub rule: Rule,
    /// Whether it holds.
    pub verdict: Verdict,
    /// What was looked at, or why nothing could be said.
    pub said: String,
    /// What breaks it.
    pub found: Finding,
}

/// What the rules cannot know by themselves.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Rules that are not judged.
    pub without: Vec<Rule>,
    /// Duplicates beyond the events in doubt: what a spool may deliver again after crashes.
    pub duplicates_allowed: u64,
    /// Acknowledged events under which a run says nothing.
    pub acknowledged_min: u64,
    /// Faults that happened, as far as somebody counted them.
    pub faults: u64,
    /// Faults under which a run says nothing.
    pub faults_min: u64,
    /// How long the fresh event took to be in every required target; `Err` with what became of it
    /// instead. `None` where none was sent.
    pub fresh: Option<Result<Duration, String>>,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            without: Vec::new(),
            duplicates_allowed: 0,
            acknowledged_min: 1,
            faults: 0,
            faults_min: 0,
            fresh: None,
        }
    }
}

/// Judges all seven rules.
#[must_use]
pub fn judge(history: &History, holdings: &[Holding], asked: &Asked) -> Vec<Judgement> {
    let tally = history.tally();
    let judged = |rule: Rule| {
        if asked.without.contains(&rule) {
            return of(rule, Verdict::NotAsked, "left out by --without".to_owned());
        }
        match rule {
            Rule::Lost => lost(history, holdings, tally),
            Rule::Strangers => strangers(history, holdings),
            Rule::Payload => payload(holdings),
            Rule::Order => order(holdings),
            Rule::Duplicates => duplicates(history, holdings, tally, asked),
            Rule::Fresh => fresh(asked),
            Rule::Enough => enough(tally, asked),
        }
    };
    Rule::ALL.into_iter().map(judged).collect()
}

/// Whether all that was asked holds.
#[must_use]
pub fn good(judgements: &[Judgement]) -> bool {
    let good = |verdict| matches!(verdict, Verdict::Passed | Verdict::NotAsked);
    let any = judgements.iter().any(|one| one.verdict == Verdict::Passed);
    any && judgements.iter().all(|one| good(one.verdict))
}

fn of(rule: Rule, verdict: Verdict, said: String) -> Judgement {
    Judgement {
        rule,
        verdict,
        said,
        found: Finding::default(),
    }
}

/// Passed where nothing was found.
fn by_findings(rule: Rule, found: Finding, said: String) -> Judgement {
    let verdict = if found.count == 0 {
        Verdict::Passed
    } else {
        Verdict::Violated
    };
    Judgement {
        rule,
        verdict,
        said,
        found,
    }
}

fn lost(history: &History, holdings: &[Holding], tally: Tally) -> Judgement {
    let required: Vec<_> = holdings
        .iter()
        .filter(|holding| holding.target.required)
        .collect();
    if required.is_empty() {
        return of(
            Rule::Lost,
            Verdict::Void,
            "no target is required".to_owned(),
        );
    }
    if tally.ok == 0 {
        let said = "nothing was acknowledged".to_owned();
        return of(Rule::Lost, Verdict::Void, said);
    }
    let mut found = Finding::default();
    for holding in &required {
        for (number, entry) in history.entries() {
            if entry.outcome == Outcome::Ok && holding.copies_of(number) == 0 {
                found.add(|| format!("{} is not in {}", history.id(number), holding.target.name));
            }
        }
    }
    let said = format!(
        "{} acknowledged, looked for in {}",
        events(tally.ok),
        targets(required.len())
    );
    by_findings(Rule::Lost, found, said)
}

fn strangers(history: &History, holdings: &[Holding]) -> Judgement {
    let mut found = Finding::default();
    let (mut records, mut others) = (0, 0);
    for holding in holdings {
        records += holding.records;
        others += holding.others;
        let name = &holding.target.name;
        let mut strange = holding.strangers.clone();
        for example in &mut strange.examples {
            *example = format!("{name} holds {example}, which was never sent");
        }
        found.join(&strange);
        for (number, entry) in history.entries() {
            if entry.outcome == Outcome::Failed && holding.copies_of(number) > 0 {
                found.add(|| format!("{name} holds {}, which was refused", history.id(number)));
            }
        }
    }
    if records == 0 {
        let said = "the targets hold nothing".to_owned();
        return of(Rule::Strangers, Verdict::Void, said);
    }
    let mut said = format!("{} records in {}", records, targets(holdings.len()));
    if others > 0 {
        said.push_str(&format!(", {others} of them of others"));
    }
    by_findings(Rule::Strangers, found, said)
}

fn payload(holdings: &[Holding]) -> Judgement {
    let mut found = Finding::default();
    let mut compared = 0;
    for holding in holdings {
        compared += holding.compared;
        let mut damaged = holding.damaged.clone();
        for example in &mut damaged.examples {
            *example = format!("in {}, {example}", holding.target.name);
        }
        found.join(&damaged);
    }
    if compared == 0 && found.count == 0 {
        let said = "no target shows whole events, or the history does not have them";
        return of(Rule::Payload, Verdict::Void, said.to_owned());
    }
    by_findings(
        Rule::Payload,
        found,
        format!("{compared} payloads compared"),
    )
}

fn order(holdings: &[Holding]) -> Judgement {
    let ordered: Vec<_> = holdings
        .iter()
        .filter(|holding| holding.target.ordered)
        .collect();
    if ordered.is_empty() {
        let said = "no target promises order".to_owned();
        return of(Rule::Order, Verdict::NotAsked, said);
    }
    let mut found = Finding::default();
    let mut looked_at = 0;
    for holding in &ordered {
        looked_at += holding.in_order;
        let mut disorder = holding.disorder.clone();
        for example in &mut disorder.examples {
            *example = format!("in {}, {example}", holding.target.name);
        }
        found.join(&disorder);
    }
    if looked_at == 0 {
        let said = "no acknowledged event with a key was found".to_owned();
        return of(Rule::Order, Verdict::Void, said);
    }
    let said = format!("{} in {}", events(looked_at), targets(ordered.len()));
    by_findings(Rule::Order, found, said)
}

fn duplicates(history: &History, holdings: &[Holding], tally: Tally, asked: &Asked) -> Judgement {
    let showing: Vec<_> = holdings
        .iter()
        .filter(|holding| holding.target.shows_copies)
        .collect();
    if showing.is_empty() {
        let said = "no target shows that an event was stored twice";
        return of(Rule::Duplicates, Verdict::Void, said.to_owned());
    }
    let allowed = tally.unknown + asked.duplicates_allowed;
    let mut found = Finding::default();
    let mut most = 0;
    for holding in &showing {
        let duplicates = holding.duplicates();
        most = most.max(duplicates);
        if duplicates > allowed {
            let (name, events) = (&holding.target.name, holding.repeated(history));
            found.add(|| {
                format!("{name} holds {duplicates} duplicates, of which {allowed} may be: {events}")
            });
        }
    }
    let mut said = format!("at most {most} in a target; {} in doubt", tally.unknown);
    if asked.duplicates_allowed > 0 {
        said.push_str(&format!(", {} more allowed", asked.duplicates_allowed));
    }
    by_findings(Rule::Duplicates, found, said)
}

fn fresh(asked: &Asked) -> Judgement {
    let rule = Rule::Fresh;
    match &asked.fresh {
        None => of(rule, Verdict::Void, "no fresh event was sent".to_owned()),
        Some(Ok(took)) if *took <= FRESH_WITHIN => {
            let said = format!("it took {} ms", took.as_millis());
            of(rule, Verdict::Passed, said)
        }
        Some(Ok(took)) => {
            let mut found = Finding::default();
            found.add(|| format!("it took {:.1} s", took.as_secs_f64()));
            by_findings(rule, found, "one event, sent after the rest".to_owned())
        }
        Some(Err(said)) => {
            let mut found = Finding::default();
            found.add(|| said.clone());
            by_findings(rule, found, "one event, sent after the rest".to_owned())
        }
    }
}

fn enough(tally: Tally, asked: &Asked) -> Judgement {
    let said = format!(
        "{} acknowledged, {} refused, {} in doubt; {} faults",
        tally.ok, tally.failed, tally.unknown, asked.faults
    );
    let short = if tally.ok < asked.acknowledged_min.max(1) {
        Some(format!(
            "{said}: at least {} must be acknowledged",
            asked.acknowledged_min.max(1)
        ))
    } else if asked.faults < asked.faults_min {
        Some(format!("{said}: at least {} must happen", asked.faults_min))
    } else {
        None
    };
    match short {
        Some(said) => of(Rule::Enough, Verdict::Void, said),
        None => of(Rule::Enough, Verdict::Passed, said),
    }
}

fn events(count: u64) -> String {
    format!("{count} event{}", if count == 1 { "" } else { "s" })
}

fn targets(count: usize) -> String {
    format!("{count} target{}", if count == 1 { "" } else { "s" })
}
