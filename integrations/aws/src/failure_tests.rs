//! What each kind of failed call says of its records.

use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::ErrorMetadata;

use super::*;

#[derive(Debug)]
struct Failed(ErrorMetadata);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Error for Failed {}

impl ProvideErrorMetadata for Failed {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

fn place() -> Place {
    Place {
        what: "stream",
        name: "clicks".to_owned(),
        region: "eu-west-1".to_owned(),
        endpoint: None,
        profile: None,
    }
}

fn answer(status: u16) -> HttpResponse {
    HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::empty())
}

fn service_error(status: u16, code: &str, message: &str) -> SdkError<Failed, HttpResponse> {
    let meta = ErrorMetadata::builder().code(code).message(message).build();
    SdkError::service_error(Failed(meta), answer(status))
}

/// A word for each attempt, to read the tables by.
fn word(attempt: &Attempt) -> String {
    match attempt {
        Attempt::Stored(_) => "stored".to_owned(),
        Attempt::Again {
            certain, reason, ..
        } => {
            let certain = if *certain { "surely not" } else { "maybe" };
            format!("again, {certain}: {}", reason.kind().code())
        }
        Attempt::Refused(reason) => format!("refused: {}", reason.kind().code()),
        Attempt::Blocked(reason) => format!("blocked: {}", reason.kind().code()),
    }
}

#[test]
fn an_answer_says_whether_to_try_again() {
    for (status, code, expected) in [
        (
            400,
            "ProvisionedThroughputExceededException",
            "again, surely not: throttled",
        ),
        (
            400,
            "ResourceInUseException",
            "again, surely not: target_unavailable",
        ),
        (500, "InternalFailure", "again, maybe: target_unavailable"),
        (400, "ValidationException", "refused: record_invalid"),
        (400, "BatchRequestTooLong", "refused: record_too_large"),
        (400, "AccessDeniedException", "blocked: access_denied"),
        (
            400,
            "ExpiredTokenException",
            "blocked: authentication_failed",
        ),
        (400, "ResourceNotFoundException", "blocked: target_missing"),
        (404, "UnknownOperationException", "blocked: target_mismatch"),
    ] {
        let attempt = failure(&service_error(status, code, "so it is"), &place());
        assert_eq!(word(&attempt), expected, "{status} {code}");
    }
}

#[test]
fn an_answer_that_cannot_be_read_proves_nothing() {
    let unread = |status| -> SdkError<Failed, HttpResponse> {
        SdkError::response_error("invalid JSON at 7", answer(status))
    };
    for (status, expected) in [
        (200, "again, maybe: answer_unreadable"),
        (302, "again, maybe: answer_unreadable"),
        (404, "again, maybe: answer_unreadable"),
        (502, "again, maybe: target_unavailable"),
        (429, "again, surely not: throttled"),
    ] {
        assert_eq!(
            word(&failure(&unread(status), &place())),
            expected,
            "{status}"
        );
    }
}

#[test]
fn only_a_connection_that_was_never_made_is_certain() {
    let io = |kind| -> SdkError<Failed, HttpResponse> {
        SdkError::dispatch_failure(ConnectorError::io(io::Error::from(kind).into()))
    };
    let attempt = failure(&io(io::ErrorKind::ConnectionRefused), &place());
    assert_eq!(word(&attempt), "again, surely not: connection_failed");
    let attempt = failure(&io(io::ErrorKind::ConnectionReset), &place());
    assert_eq!(word(&attempt), "again, maybe: answer_lost");
    let late: SdkError<Failed, HttpResponse> = SdkError::timeout_error("late");
    assert_eq!(word(&failure(&late, &place())), "again, maybe: answer_lost");
}

#[test]
fn missing_credentials_are_named_with_what_to_do() {
    let cause = CredentialsError::not_loaded_no_source();
    let error: SdkError<Failed, HttpResponse> =
        SdkError::dispatch_failure(ConnectorError::other(cause.into(), None));
    let Attempt::Blocked(reason) = failure(&error, &place()) else {
        panic!("missing credentials block the target");
    };
    assert_eq!(reason.kind(), ReasonKind::AuthenticationFailed);
    assert!(reason.detail().unwrap().contains("AWS_PROFILE"), "{reason}");
}

#[test]
fn a_pause_that_the_service_asks_for_is_kept_and_bounded() {
    for (header, value, expected) in [
        ("retry-after", "3", Some(Duration::from_secs(3))),
        ("retry-after", "86400", Some(RETRY_AFTER_MAX)),
        ("x-amz-retry-after", "250", Some(Duration::from_millis(250))),
        ("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT", None),
    ] {
        let mut answer = answer(503);
        answer.headers_mut().insert(header, value);
        assert_eq!(retry_after(&answer), expected, "{header}: {value}");
    }
}

#[test]
fn messages_are_one_line_without_payloads_and_secrets() {
    let quoted = "1 validation error detected: Value 'my\nsecret' at 'records.1' failed";
    assert_eq!(
        one_line(quoted),
        "1 validation error detected: Value … at 'records.1' failed"
    );
    assert_eq!(one_line("a\r\nb"), "a  b");
    assert_eq!(one_line("Value 'unended secret"), "Value …");
    assert_eq!(
        one_line(&"ä".repeat(999)).chars().count(),
        AWS_MESSAGE_CHARACTERS_MAX
    );
    let signed = service_error(
        403,
        "SignatureDoesNotMatch",
        "canonical x-amz-security-token:S3CRET",
    );
    assert!(!format!("{:?}", failure(&signed, &place())).contains("S3CRET"));
}
