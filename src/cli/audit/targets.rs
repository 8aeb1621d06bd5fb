//! Targets as they are named on the command line: what, and options behind commas.

use std::path::PathBuf;

use sluicegate_audit::{
    AwsAccess, DynamodbSource, KafkaSource, KinesisSource, PayloadPlace, Place, SnsSource, Source,
    Target,
};

use super::Arguments;

/// All targets that the flags name. `id` is where the id stands in an event.
///
/// # Errors
/// What is wrong with which of them.
pub(super) fn of(arguments: &Arguments, id: &[String]) -> Result<Vec<(Target, Source)>, String> {
    let mut all = Vec::new();
    let properties = arguments.kafka_property.iter().map(|text| {
        let pair = text.split_once('=');
        let (name, value) = pair.ok_or_else(|| format!("--kafka-property {text}: NAME=VALUE"))?;
        Ok((name.trim().to_owned(), value.to_owned()))
    });
    let properties: Vec<(String, String)> = properties.collect::<Result<_, String>>()?;
    let kinds: [(&str, &[String]); 5] = [
        ("kafka", &arguments.kafka),
        ("kinesis", &arguments.kinesis),
        ("dynamodb", &arguments.dynamodb),
        ("sns", &arguments.sns),
        ("log", &arguments.log),
    ];
    for (kind, texts) in kinds {
        for text in texts {
            let one = one(kind, text, id, &properties);
            all.push(one.map_err(|said| format!("--{kind} {text}: {said}"))?);
        }
    }
    if all.is_empty() {
        return Err(
            "no target is named: write FILE and its route ('POST /orders'), or --kafka, \
                    --kinesis, --dynamodb, --sns, --log"
                .to_owned(),
        );
    }
    Ok(all)
}

fn one(
    kind: &str,
    text: &str,
    id: &[String],
    properties: &[(String, String)],
) -> Result<(Target, Source), String> {
    // Brokers have commas between them: options begin behind the topic.
    let (servers, rest) = match kind {
        "kafka" => text
            .split_once('/')
            .ok_or("write BROKER:PORT/TOPIC, for example localhost:9092/orders")?,
        _ => ("", text),
    };
    let mut words = rest.split(',');
    let name = words.next().unwrap_or_default().to_owned();
    if name.is_empty() || (kind == "kafka" && servers.is_empty()) {
        return Err("its name is empty".to_owned());
    }
    let mut options = Options::default();
    for word in words {
        options.take(kind, word)?;
    }
    let target = Target {
        name: format!("{kind} {name}"),
        required: !options.best_effort,
        ordered: options.ordered,
        shows_copies: kind != "dynamodb" || options.count.is_some(),
        exclusive: options.exclusive,
    };
    Ok((target, options.source(kind, name, servers, id, properties)))
}

#[derive(Default)]
struct Options {
    ordered: bool,
    best_effort: bool,
    exclusive: bool,
    id: Option<String>,
    payload: Option<String>,
    count: Option<String>,
    queue: Option<String>,
}

impl Options {
    fn take(&mut self, kind: &str, word: &str) -> Result<(), String> {
        let some = |value: &str| match value.is_empty() {
            true => Err(format!("`{word}` has no value")),
            false => Ok(Some(value.to_owned())),
        };
        match (word.split_once('='), word) {
            (None, "ordered") if kind != "dynamodb" => self.ordered = true,
            (None, "best_effort") => self.best_effort = true,
            (None, "exclusive") => self.exclusive = true,
            (Some(("id", value)), _) => self.id = some(value)?,
            (Some(("payload", value)), _) => self.payload = some(value)?,
            (Some(("count", value)), _) if kind == "dynamodb" => self.count = some(value)?,
            (Some(("queue", value)), _) if kind == "sns" => self.queue = some(value)?,
            _ => {
                let more = match kind {
                    "dynamodb" => "count=ATTRIBUTE",
                    "sns" => "ordered, queue=URL",
                    _ => "ordered",
                };
                return Err(format!(
                    "`{word}` is no option of it: id=…, payload=…, best_effort, exclusive, {more}"
                ));
            }
        }
        Ok(())
    }

    fn source(
        self,
        kind: &str,
        name: String,
        servers: &str,
        id: &[String],
        properties: &[(String, String)],
    ) -> Source {
        let place = self.place(id);
        let access = AwsAccess::default();
        match kind {
            "kafka" => Source::Kafka(KafkaSource {
                servers: servers.to_owned(),
                topic: name,
                properties: properties.to_vec(),
                place,
            }),
            "kinesis" => Source::Kinesis(KinesisSource {
                stream: name,
                access,
                place,
            }),
            "sns" => Source::Sns(SnsSource {
                topic_arn: name,
                access,
                queue: self.queue,
                place,
            }),
            "log" => Source::Log {
                dir: PathBuf::from(name),
                place,
            },
            _ => Source::Dynamodb(DynamodbSource {
                table: name,
                access,
                id: self.id.unwrap_or_else(|| "id".to_owned()),
                payload: self.payload.filter(|payload| payload != "none"),
                count: self.count,
            }),
        }
    }

    fn place(&self, id: &[String]) -> Place {
        let path = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
        Place {
            id: self.id.as_deref().map_or_else(|| id.to_vec(), path),
            payload: match self.payload.as_deref() {
                None => PayloadPlace::Whole,
                Some("none") => PayloadPlace::Nowhere,
                Some(text) => PayloadPlace::At(path(text)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &str, text: &str) -> Result<(Target, Source), String> {
        one(kind, text, &["id".to_owned()], &[])
    }

    #[test]
    fn targets_are_read_as_the_help_writes_them() {
        let (target, source) = read("kafka", "a:1,b:2/orders,ordered,id=data.id").unwrap();
        assert!(target.required && target.ordered && target.shows_copies);
        let Source::Kafka(kafka) = source else {
            panic!()
        };
        assert_eq!((&*kafka.servers, &*kafka.topic), ("a:1,b:2", "orders"));
        assert_eq!(kafka.place.id, ["data", "id"]);
        assert_eq!(kafka.place.payload, PayloadPlace::Whole);

        let (target, source) = read("dynamodb", "orders,id=pk,payload=raw,count=puts").unwrap();
        assert!(target.shows_copies && !target.ordered);
        let Source::Dynamodb(table) = source else {
            panic!()
        };
        assert_eq!((&*table.id, table.payload.as_deref()), ("pk", Some("raw")));
        assert!(!read("dynamodb", "orders").unwrap().0.shows_copies);

        let arn = "arn:aws:sns:eu-west-1:123456789012:alerts";
        let (target, source) = read("sns", &format!("{arn},best_effort,queue=http://q/1")).unwrap();
        assert!(!target.required);
        let Source::Sns(topic) = source else { panic!() };
        assert_eq!(
            (&*topic.topic_arn, topic.queue.as_deref()),
            (arn, Some("http://q/1"))
        );

        let (target, source) = read("log", "/var/log/events,exclusive,payload=none").unwrap();
        assert!(target.exclusive);
        let Source::Log { dir, place } = source else {
            panic!()
        };
        assert_eq!(dir, PathBuf::from("/var/log/events"));
        assert_eq!(place.payload, PayloadPlace::Nowhere);
    }

    #[test]
    fn what_is_written_wrongly_is_named() {
        for (kind, text, said) in [
            ("kafka", "orders", "BROKER:PORT/TOPIC"),
            ("kafka", "/orders", "its name is empty"),
            ("kafka", "a:1/orders,orderd", "`orderd` is no option"),
            ("kinesis", "", "its name is empty"),
            ("kinesis", "clicks,queue=x", "`queue=x` is no option"),
            ("dynamodb", "orders,ordered", "`ordered` is no option"),
            ("dynamodb", "orders,id=", "has no value"),
        ] {
            let error = read(kind, text).map(drop).unwrap_err();
            assert!(error.contains(said), "{kind} {text}: {error}");
        }
    }
}
