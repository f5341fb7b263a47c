//! Libraries are there after a restart, whatever ended the run before: by the log, and by snapshots.

use crate::support::history::history;
use crate::support::{Endpoint, Stock};
use crate::{LIBRARY, libraries, load, returning, server};

#[test]
fn a_restart_has_the_libraries_that_the_log_tells_of() {
    let mut server = server(&[]);
    let mut client = server.connect();
    for round in 0..5 {
        load(&mut client, &returning(&format!("l{round}"), &format!("f{round}"), round));
    }
    load(&mut client, LIBRARY);
    client.run("FUNCTION DELETE l3");
    load(&mut client, &returning("l1", "f1", 11));
    client.call(&["FCALL", "write", "1", "k", "v"]);
    let before = (libraries(&server), history(&server).replid);
    server.kill();
    server.restart();
    assert_eq!((libraries(&server), history(&server).replid), before);
    let mut client = server.connect();
    assert_eq!(client.run("FCALL f1 0").integer(), 11);
    assert_eq!(client.run("FCALL f3 0").text(), "ERR Function not found");
    assert_eq!(client.call(&["FCALL", "write", "1", "k", "v"]).integer(), 2);
    client.run("FUNCTION FLUSH");
    server.kill();
    server.restart();
    assert!(libraries(&server).is_empty());
}

#[test]
fn a_snapshot_has_the_libraries_of_its_moment() {
    let mut server = server(&[]);
    let mut client = server.connect();
    load(&mut client, LIBRARY);
    load(&mut client, &returning("early", "f", 1));
    assert_eq!(client.run("SAVE").text(), "OK");
    client.run("FUNCTION DELETE early");
    load(&mut client, &returning("late", "g", 2));
    let before = libraries(&server);
    assert_eq!(before.len(), 2);
    for reload in ["DEBUG LOADAOF", "DEBUG RELOAD", "DEBUG LOADAOF"] {
        assert_eq!(client.run(reload).text(), "OK");
        assert_eq!(libraries(&server), before, "{reload}");
        assert_eq!(client.run("FCALL g 0").integer(), 2);
    }
    server.kill();
    server.restart();
    assert_eq!(libraries(&server), before);
    // The data goes, the libraries stay.
    let mut client = server.connect();
    client.run("FLUSHALL");
    assert!(server.terminate().success());
    server.restart();
    assert_eq!(libraries(&server), before);
}

#[test]
fn a_stock_server_reads_our_snapshot_and_we_read_its_file() {
    let (server, mut stock) = (server(&[]), Stock::start(&[]));
    let mut client = server.connect();
    client.run("SET k v");
    load(&mut client, LIBRARY);
    load(&mut client, &returning("a", "f", 7));
    client.run("SAVE");
    let file = |directory: &std::path::Path| directory.join("dump.rdb");
    stock.shut_down();
    std::fs::copy(file(server.directory()), file(stock.directory())).expect("it is copied");
    stock.restart();
    assert_eq!(libraries(&stock), libraries(&server));
    let mut theirs = stock.connect();
    assert_eq!(theirs.run("FCALL f 0").integer(), 7);
    assert_eq!(theirs.call(&["FCALL", "read", "1", "k"]).text(), "v");

    load(&mut theirs, &returning("b", "g", 8));
    let expected = libraries(&stock);
    stock.shut_down();
    let directory = tempfile::TempDir::new().expect("a temporary directory can be made");
    std::fs::copy(file(stock.directory()), file(directory.path())).expect("it is copied");
    let mut imported = crate::Server::start_in(directory.path(), &["--save", ""]);
    for _ in 0..2 {
        assert_eq!(libraries(&imported), expected);
        assert_eq!(imported.connect().run("FCALL g 0").integer(), 8);
        imported.kill();
        imported.restart();
    }
}

#[test]
fn a_file_with_a_library_that_cannot_be_loaded_is_not_imported() {
    let (stock, directory) =
        (Stock::start(&[]), tempfile::TempDir::new().expect("a temporary directory can be made"));
    let mut client = stock.connect();
    client.run("SET k v");
    let library = "#!lua name=l\nredis.register_function('f', function() end)
                   redis.register_function('F', function() end)";
    client.call(&["FUNCTION", "LOAD", library]);
    assert_eq!(client.run("SAVE").text(), "OK");
    let name = "dump.rdb";
    std::fs::copy(stock.directory().join(name), directory.path().join(name)).expect("a copy");
    let (said, status) = crate::Server::start_refused(directory.path(), &["--save", ""]);
    assert!(!status.success());
    let reason = "a library of functions that cannot be loaded: ERR Error registering functions: \
                  ERR Function already exists in the library";
    assert!(said.contains(reason), "{said}");
}
