//! `HELP` of the container commands, told from the table's own rows.

use super::table::{Argument, Command, lookup};
use super::{Call, Fault, Flow};

/// Lists the subcommands of the container in word 0, each with its arguments and what it does.
pub fn subcommands(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let container = lookup(call.args.word(0)).ok_or(Fault::SYNTAX)?;
    let rows = container.subcommands();
    call.reply.array(1 + 2 * rows.len());
    let name = container.name.to_ascii_uppercase();
    call.reply.simple(&format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for row in rows {
        call.reply.simple(&usage(row));
        call.reply.simple(&format!("    {}", row.docs.summary));
    }
    Ok(Flow::Done)
}

/// Writes how a subcommand is called.
fn usage(row: &Command) -> String {
    let mut text = row.own_name().to_ascii_uppercase();
    for argument in row.docs.arguments {
        text.push(' ');
        text.push_str(&shape(argument));
    }
    text
}

/// Writes one argument: `<name>`, its token before it, and brackets around what may be left out.
fn shape(argument: &Argument) -> String {
    let parts = |between| {
        let parts: Vec<_> = argument.arguments.iter().map(shape).collect();
        parts.join(between)
    };
    let mut text = match (argument.kind, argument.token) {
        ("pure-token", Some(token)) => token.to_owned(),
        ("oneof", _) => format!("({})", parts("|")),
        ("block", _) => parts(" "),
        _ => format!("<{}>", argument.name),
    };
    if let Some(token) = argument.token.filter(|_| argument.kind != "pure-token") {
        text = format!("{token} {text}");
    }
    if argument.multiple {
        text.push_str(" ...");
    }
    if argument.optional { format!("[{text}]") } else { text }
}

#[cfg(test)]
mod tests {
    use crate::command::testing::Bench;

    #[test]
    fn help_shows_each_subcommand_with_its_arguments() {
        let help = Bench::new().reply("config help");
        assert!(help.starts_with("*11 +CONFIG <subcommand> "), "{help}");
        assert!(help.contains("+SET <parameter> <value> ... +    Changes parameters"), "{help}");
        let help = Bench::new().reply("CLIENT help");
        assert!(help.contains(" +REPLY (ON|OFF|SKIP) "), "{help}");
        assert!(help.contains(" +PAUSE <timeout> [(WRITE|ALL)] "), "{help}");
    }
}
