//! What a call that failed says about its records: nothing that the SDK knows is left unread.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use sluicegate_contract::{Attempt, Reason, ReasonKind};

use crate::{CodeMeaning, meaning_of};

/// Characters of a service's own message that are passed on.
pub const AWS_MESSAGE_CHARACTERS_MAX: usize = 300;

/// A service that asks for a longer pause than this is asked again after this.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

/// Errors below the SDK's own are looked through this deep.
const CAUSES_MAX: usize = 16;

/// What is spoken to, for messages: `stream clicks in eu-west-1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// `table`, `stream`, `topic`.
    pub what: &'static str,
    /// Its name or ARN.
    pub name: String,
    /// The region.
    pub region: String,
    /// The URL, where it is not AWS itself.
    pub endpoint: Option<String>,
    /// The profile that the file names.
    pub profile: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}` in {}", self.what, self.name, self.region)?;
        match &self.endpoint {
            Some(endpoint) => write!(f, " at {endpoint}"),
            None => Ok(()),
        }
    }
}

/// What a failed call says of each of its records.
pub fn failure<E>(error: &SdkError<E, HttpResponse>, place: &Place) -> Attempt
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ServiceError(_) | SdkError::ResponseError(_) => answered(error, place),
        SdkError::DispatchFailure(_) | SdkError::ConstructionFailure(_) => {
            not_answered(error, place)
        }
        _ => again(
            false,
            ReasonKind::AnswerLost,
            format!("{place}: no answer in time"),
        ),
    }
}

/// The service, or something in its stead, answered.
fn answered<E>(error: &SdkError<E, HttpResponse>, place: &Place) -> Attempt
where
    E: ProvideErrorMetadata,
{
    let status = error
        .raw_response()
        .map_or(0, |answer| answer.status().as_u16());
    let code = error.code();
    let said = Said {
        place,
        code,
        message: error.message(),
        status,
    };
    let after = error.raw_response().and_then(retry_after);
    match meaning_of(code, status) {
        Some(CodeMeaning::Throttled) => Attempt::Again {
            certain: true,
            after,
            reason: Reason::new(ReasonKind::Throttled, said.to_string()),
        },
        Some(CodeMeaning::NotReady) => Attempt::Again {
            certain: true,
            after,
            reason: Reason::new(ReasonKind::Unavailable, said.to_string()),
        },
        // A service that fails cannot vouch for how far it came.
        Some(CodeMeaning::Failing) => Attempt::Again {
            certain: false,
            after,
            reason: Reason::new(ReasonKind::Unavailable, said.to_string()),
        },
        Some(CodeMeaning::Invalid) => {
            Attempt::Refused(Reason::new(ReasonKind::Invalid, said.to_string()))
        }
        Some(CodeMeaning::TooLarge) => {
            Attempt::Refused(Reason::new(ReasonKind::TooLarge, said.to_string()))
        }
        Some(meaning) => blocked(meaning, &said),
        None => again(
            false,
            ReasonKind::AnswerUnreadable,
            format!("{place}: the answer (status {status}) is not one of the service"),
        ),
    }
}

/// The target can take nothing until somebody mends it: says what to mend.
fn blocked(meaning: CodeMeaning, said: &Said<'_>) -> Attempt {
    let place = said.place;
    let code = said.code.unwrap_or("no code");
    let (kind, detail) = match meaning {
        CodeMeaning::AccessDenied => (
            ReasonKind::AccessDenied,
            format!("{said}; grant it to the credentials in use"),
        ),
        CodeMeaning::Missing => (
            ReasonKind::TargetMissing,
            format!(
                "there is no {place} ({code}): create it, or correct its name, region or account"
            ),
        ),
        CodeMeaning::Mismatch => (
            ReasonKind::TargetMismatch,
            format!("{said}; correct endpoint_url"),
        ),
        // The service's message is left out: it may quote the signed request.
        _ => (
            ReasonKind::AuthenticationFailed,
            format!("{place}: the credentials were not accepted ({code}): renew or correct them"),
        ),
    };
    Attempt::Blocked(Reason::new(kind, detail))
}

/// No answer came: what matters is whether the call can have arrived.
fn not_answered<E>(error: &SdkError<E, HttpResponse>, place: &Place) -> Attempt
where
    E: Error + 'static,
{
    let causes = Causes::of(error);
    if let Some(cause) = causes.find::<CredentialsError>() {
        let why = match (cause, &place.profile) {
            (CredentialsError::CredentialsNotLoaded(_), Some(profile)) => {
                format!("the profile `{profile}` has none")
            }
            (CredentialsError::CredentialsNotLoaded(_), None) => "none were found".to_owned(),
            (other, _) => one_line(&last_of(other).to_string()),
        };
        let detail = format!(
            "no credentials for {place} ({why}): set AWS_PROFILE, or AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY, or give the machine a role"
        );
        return Attempt::Blocked(Reason::new(ReasonKind::AuthenticationFailed, detail));
    }
    let last = last_of(error);
    if let SdkError::ConstructionFailure(_) = error {
        let detail = format!("{place}: {}", one_line(&last.to_string()));
        return Attempt::Refused(Reason::new(ReasonKind::Invalid, detail));
    }
    let never_connected = causes
        .find::<hyper_util::client::legacy::Error>()
        .is_some_and(hyper_util::client::legacy::Error::is_connect)
        || causes
            .find::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
    if never_connected {
        let timed_out = causes
            .find::<ConnectorError>()
            .is_some_and(ConnectorError::is_timeout);
        let why = if timed_out {
            "no connection in time".to_owned()
        } else {
            one_line(&last.to_string())
        };
        let detail = format!("{place}: {why}");
        return again(true, ReasonKind::ConnectionFailed, detail);
    }
    let detail = format!("{place}: {}", one_line(&last.to_string()));
    again(false, ReasonKind::AnswerLost, detail)
}

fn again(certain: bool, kind: ReasonKind, detail: String) -> Attempt {
    Attempt::Again {
        certain,
        after: None,
        reason: Reason::new(kind, detail),
    }
}

/// The pause that an answer asks for, in whole seconds or in milliseconds.
fn retry_after(answer: &HttpResponse) -> Option<Duration> {
    let number = |name: &str| answer.headers().get(name)?.trim().parse::<u64>().ok();
    let asked = number("x-amz-retry-after")
        .map(Duration::from_millis)
        .or_else(|| number("retry-after").map(Duration::from_secs))?;
    Some(asked.min(RETRY_AFTER_MAX))
}

/// An answer in one line.
struct Said<'a> {
    place: &'a Place,
    code: Option<&'a str>,
    message: Option<&'a str>,
    status: u16,
}

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        match self.code {
            Some(code) => f.write_str(&one_line(code))?,
            None => write!(f, "status {}", self.status)?,
        }
        match self.message {
            Some(message) if !message.is_empty() => write!(f, ": {}", one_line(message)),
            _ => Ok(()),
        }
    }
}

/// A service's message as one bounded line, without the values that validation messages quote: a
/// payload belongs into no log.
#[must_use]
pub fn one_line(message: &str) -> String {
    let mut line = String::new();
    let mut rest = message;
    while let Some((before, quoted)) = rest.split_once("Value '") {
        line.push_str(before);
        line.push_str("Value …");
        rest = quoted.rfind("' at '").map_or("", |end| &quoted[end + 1..]);
    }
    line.push_str(rest);
    line.chars()
        .take(AWS_MESSAGE_CHARACTERS_MAX)
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect()
}

/// The chain of an error's causes, itself first, bounded.
struct Causes<'e>(Vec<&'e (dyn Error + 'static)>);

impl<'e> Causes<'e> {
    fn of(error: &'e (dyn Error + 'static)) -> Self {
        Self(
            std::iter::successors(Some(error), |cause| (*cause).source())
                .take(CAUSES_MAX)
                .collect(),
        )
    }

    fn find<T: Error + 'static>(&self) -> Option<&'e T> {
        self.0.iter().find_map(|cause| cause.downcast_ref())
    }
}

fn last_of<'e>(error: &'e (dyn Error + 'static)) -> &'e (dyn Error + 'static) {
    Causes::of(error).0.last().copied().unwrap_or(error)
}

#[cfg(test)]
#[path = "failure_tests.rs"]
mod tests;
