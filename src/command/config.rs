//! `CONFIG`: shows and changes the configuration, which the server around holds.

use super::{Call, Fault, Flow, help};

/// `CONFIG GET pattern …`.
pub fn config_get(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let patterns: Vec<&[u8]> = call.args.from(2).iter().collect();
    let found = call.host.config_get(&patterns);
    call.reply.map(found.len());
    for (name, value) in &found {
        call.reply.bulk(name.as_bytes());
        call.reply.bulk(value.as_bytes());
    }
    Ok(Flow::Done)
}

/// `CONFIG SET parameter value …`; all are changed, or none.
pub fn config_set(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let words: Vec<&[u8]> = call.args.from(2).iter().collect();
    let (pairs, rest) = words.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(Fault::SYNTAX);
    }
    let pairs: Vec<_> = pairs.iter().map(|[name, value]| (*name, *value)).collect();
    call.host.config_set(&pairs)?;
    call.reply.ok();
    Ok(Flow::Done)
}

/// `CONFIG REWRITE`.
pub fn config_rewrite(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    call.host.config_rewrite()?;
    call.reply.ok();
    Ok(Flow::Done)
}

/// `CONFIG RESETSTAT`.
pub fn config_resetstat(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    call.host.reset_statistics();
    call.reply.ok();
    Ok(Flow::Done)
}

/// `CONFIG HELP`.
pub fn config_help(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    help::subcommands(call)
}

#[cfg(test)]
mod tests {
    use crate::command::testing::Bench;

    #[test]
    fn parameters_are_shown_as_a_map() {
        let mut bench = Bench::new();
        bench.host.parameters.lock().push(("save".to_owned(), String::new()));
        bench.host.parameters.lock().push(("port".to_owned(), "6379".to_owned()));
        assert_eq!(bench.reply("config get save port"), "*4 $4 save $0  $4 port $4 6379");
        assert_eq!(bench.reply("config get nosuch"), "*0");
        bench.session.protocol = crate::net::reply::Protocol::Resp3;
        assert_eq!(bench.reply("config get port"), "%1 $4 port $4 6379");
    }

    #[test]
    fn parameters_are_set_in_pairs() {
        let mut bench = Bench::new();
        assert_eq!(bench.reply("config set port 1 save x"), "+OK");
        assert_eq!(bench.host.asked(), ["set port 1", "set save x"]);
        assert_eq!(bench.reply("config set port 1 save"), "-ERR syntax error");
        let fault = "-ERR wrong number of arguments for 'config|set' command";
        assert_eq!(bench.reply("config set port"), fault);
        assert!(bench.host.asked().is_empty());
    }

    #[test]
    fn the_server_rewrites_and_resets() {
        let mut bench = Bench::new();
        let fault = "-ERR The server is running without a config file";
        assert_eq!(bench.reply("config rewrite"), fault);
        assert_eq!(bench.reply("config resetstat"), "+OK");
        assert_eq!(bench.host.asked(), ["reset statistics"]);
    }
}
