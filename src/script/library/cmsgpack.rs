//! `cmsgpack`: values to and from `MessagePack`, as lua-cmsgpack 0.4.0 chooses its forms.
//!
//! The format is that of <https://github.com/msgpack/msgpack/blob/master/spec.md>, without binary
//! and extension types.

mod packing;
mod unpacking;

use mlua::{Lua, Result, Table};

use super::function;

/// Makes the table `cmsgpack`.
pub fn table(lua: &Lua) -> Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("pack", function(lua, packing::pack)?)?;
    table.raw_set("unpack", function(lua, unpacking::unpack)?)?;
    table.raw_set("unpack_one", function(lua, unpacking::unpack_one)?)?;
    table.raw_set("unpack_limit", function(lua, unpacking::unpack_limit)?)?;
    table.raw_set("_NAME", "cmsgpack")?;
    table.raw_set("_VERSION", "lua-cmsgpack 0.4.0")?;
    table.raw_set("_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo")?;
    table.raw_set("_DESCRIPTION", "MessagePack C implementation for Lua")?;
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::super::testing::expect;

    #[test]
    fn numbers_take_the_shortest_form() {
        expect(&[
            (
                "return cmsgpack.pack(127,128,255,256,65535,65536,4294967295,4294967296,2\
                 ^53,2^62,2^63,2^64)",
                "\\x7f\\xcc\\x80\\xcc\\xff\\xcd\\x01\\x00\\xcd\\xff\\xff\\xce\\x00\\x01\\\
                 x00\\x00\\xce\\xff\\xff\\xff\\xff\\xcf\\x00\\x00\\x00\\x01\\x00\\x00\\x0\
                 0\\x00\\xcf\\x00 \\x00\\x00\\x00\\x00\\x00\\x00\\xcf@\\x00\\x00\\x00\\x0\
                 0\\x00\\x00\\x00\\xca_\\x00\\x00\\x00\\xca_\\x80\\x00\\x00",
            ),
            (
                "return cmsgpack.pack(-1,-32,-33,-128,-129,-32768,-32769,-2147483648,-214\
                 7483649,-2^63)",
                "\\xff\\xe0\\xd0\\xdf\\xd0\\x80\\xd1\\xff\\x7f\\xd1\\x80\\x00\\xd2\\xff\\\
                 xff\\x7f\\xff\\xd2\\x80\\x00\\x00\\x00\\xd3\\xff\\xff\\xff\\xff\\x7f\\xf\
                 f\\xff\\xff\\xd3\\x80\\x00\\x00\\x00\\x00\\x00\\x00\\x00",
            ),
            (
                "return cmsgpack.pack(1.5,0.1,-0,0/0,1/0,1e300,16777217.5)",
                "\\xca?\\xc0\\x00\\x00\\xcb?\\xb9\\x99\\x99\\x99\\x99\\x99\\x9a\\x00\\xcb\
                 \\xff\\xf8\\x00\\x00\\x00\\x00\\x00\\x00\\xca\\xff\\x80\\x00\\x00\\xcb~7\
                 \\xe4<\\x88\\x00u\\x9c\\xcbAp\\x00\\x00\\x18\\x00\\x00\\x00",
            ),
        ]);
    }

    #[test]
    fn tables_without_gaps_are_arrays() {
        expect(&[
            (
                "return cmsgpack.pack({},{1,2,3},{1,2,nil,4},{a=1},{[0]=1})",
                r"\x90\x93\x01\x02\x03\x83\x01\x01\x02\x02\x04\x04\x81\xa1a\x01\x81\x00\x01",
            ),
            (
                "return cmsgpack.pack({[1.5]=1},{[true]=1},{[2]=1},{[2^53+2]=1})",
                "\\x81\\xca?\\xc0\\x00\\x00\\x01\\x81\\xc3\\x01\\x81\\x02\\x01\\x81\\xcf\
                 \\x00 \\x00\\x00\\x00\\x00\\x00\\x02\\x01",
            ),
            (
                "local t={} for i=1,16 do t[i]=i end return cmsgpack.pack(t)",
                r"\xdc\x00\x10\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0b\x0c\r\x0e\x0f\x10",
            ),
            (
                "local t={} for i=1,65536 do t[i]=i end return cmsgpack.pack(t):sub(1,8)",
                r"\xdd\x00\x01\x00\x00\x01\x02\x03",
            ),
            ("return cmsgpack.pack(nil,true,false,tostring,cjson.null)", r"\xc0\xc3\xc2\xc0\xc0"),
            ("return cmsgpack.pack(('a'):rep(32)):sub(1,3)", r"\xd9 a"),
            ("return cmsgpack.pack(('a'):rep(256)):sub(1,4)", r"\xda\x01\x00a"),
            ("return cmsgpack.pack(('a'):rep(65536)):sub(1,6)", r"\xdb\x00\x01\x00\x00a"),
        ]);
    }

    #[test]
    fn what_is_nested_deeper_than_sixteen_is_nil() {
        expect(&[
            (
                "local t={} t[1]=t return cmsgpack.pack(t)",
                r"\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\xc0",
            ),
            (
                "local t={1} for i=1,15 do t={t} end return cmsgpack.pack(t)",
                r"\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x01",
            ),
        ]);
    }

    #[test]
    fn values_are_read_as_in_redis() {
        expect(&[
            (
                "return cjson.encode({cmsgpack.unpack('\\1\\224\\204\\200\\205\\1\\0\\206\
                 \\255\\255\\255\\255\\208\\254\\209\\255\\254\\210\\255\\255\\255\\254')\
                 })",
                "[1,-32,200,256,4294967295,-2,-2,-2]",
            ),
            (
                "return cjson.encode({cmsgpack.unpack('\\207\\255\\255\\255\\255\\255\\25\
                 5\\255\\255\\211\\255\\255\\255\\255\\255\\255\\255\\254\\202\\63\\192\\\
                 0\\0')})",
                "[-1,-2,1.5]",
            ),
            (
                "return cjson.encode({cmsgpack.unpack('\\161a\\217\\1b\\218\\0\\1c\\219\\\
                 0\\0\\0\\1d\\195\\194')})",
                r#"[\"a\",\"b\",\"c\",\"d\",true,false]"#,
            ),
            (
                "return cjson.encode({cmsgpack.unpack('\\146\\1\\129\\161a\\144\\220\\0\\\
                 1\\1\\221\\0\\0\\0\\1\\2\\222\\0\\1\\161b\\3')})",
                r#"[[1,{\"a\":{}}],[1],[2],{\"b\":3}]"#,
            ),
            (r"return cjson.encode({cmsgpack.unpack_one('\1\2\3',1)})", "[2,2]"),
            (r"return cjson.encode({cmsgpack.unpack_one('\1\2\3',2)})", "[-1,3]"),
            (r"return cjson.encode({cmsgpack.unpack_limit('\1\2\3',2)})", "[2,1,2]"),
            (r"return cjson.encode({cmsgpack.unpack_limit('\1\2\3',0)})", "[1,2,3]"),
            (r"return cjson.encode({cmsgpack.unpack_limit('\1\2\3',4294967297)})", "[-1,1,2,3]"),
        ]);
    }

    #[test]
    fn lengths_that_are_claimed_are_not_believed() {
        expect(&[
            (
                r"return cmsgpack.unpack('\221\255\255\255\255')",
                "user_script:1: Missing bytes in input.",
            ),
            (
                r"return cmsgpack.unpack('\223\255\255\255\255')",
                "user_script:1: Missing bytes in input.",
            ),
            (
                r"return cmsgpack.unpack('\219\255\255\255\255a')",
                "user_script:1: Missing bytes in input.",
            ),
            (r"return cmsgpack.unpack('\204')", "user_script:1: Missing bytes in input."),
            (r"return cmsgpack.unpack('\193')", "user_script:1: Bad data format in input."),
            (r"return cmsgpack.unpack('\196\1a')", "user_script:1: Bad data format in input."),
            (r"return cmsgpack.unpack('\212\1\1')", "user_script:1: Bad data format in input."),
            (r"return cmsgpack.unpack('\129\192\2')", "table index is nil"),
            (r"return cmsgpack.unpack('\129\203\255\248\0\0\0\0\0\0\2')", "table index is NaN"),
        ]);
    }

    #[test]
    fn what_is_too_deep_or_too_much_is_refused() {
        expect(&[
            (
                r"return cmsgpack.unpack(('\145'):rep(80000))",
                "user_script:1: stack overflow (in function mp_decode_to_lua_array)",
            ),
            (
                r"return cmsgpack.unpack(('\129\1'):rep(80000))",
                "user_script:1: stack overflow (too many return values at once; use unpac\
                 k_one or unpack_limit instead.)",
            ),
            (r"return type(cmsgpack.unpack(('\145'):rep(3900)..'\1'))", "table"),
            (r"return select('#',cmsgpack.unpack(('\1'):rep(7900)))", "7900"),
            (
                r"return select('#',cmsgpack.unpack(('\1'):rep(8000)))",
                "user_script:1: stack overflow (too many return values at once; use unpac\
                 k_one or unpack_limit instead.)",
            ),
            (
                "return cmsgpack.pack()",
                r"user_script:1: bad argument #0 to \'pack\' (MessagePack pack needs input.)",
            ),
            (
                "local t={} for i=1,4001 do t[i]=1 end return cmsgpack.pack(unpack(t))",
                "user_script:1: bad argument #0 to \\'pack\\' (Too many arguments for Mes\
                 sagePack pack.)",
            ),
            (
                r"return cmsgpack.unpack_one('\1\2\3',4)",
                "user_script:1: Start offset 4 greater than input length 3.",
            ),
            (
                r"return cmsgpack.unpack_one('\1\2\3',-1)",
                "user_script:1: Invalid request to unpack with offset of -1 and limit of 3.",
            ),
            (
                r"return cmsgpack.unpack_limit('\1\2\3',-1)",
                "user_script:1: Invalid request to unpack with offset of 0 and limit of 3.",
            ),
            (
                r"return cmsgpack.unpack_limit('\1')",
                "user_script:1: bad argument #2 to \\'unpack_limit\\' (number expected, g\
                 ot no value)",
            ),
        ]);
    }
}
