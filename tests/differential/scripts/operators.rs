//! The operators of Lua between values of all types.

use super::{Made, Making};

const BINARY: &[&str] =
    &["+", "-", "*", "/", "%", "^", "..", "==", "~=", "<", "<=", ">", ">=", "and", "or"];
const UNARY: &[&str] = &["-", "not ", "#"];

pub fn make(making: &mut Making<'_>) -> Made {
    let script = match making.random.below(6) {
        0 => format!("return S(pcall(function() return {} end))", expression(making, 3)),
        1 => format!("return S({})", expression(making, 2)),
        2 => format!(
            "return tostring({}{})",
            making.number(),
            format_args!("{}{}", making.pick(&BINARY[..6]), making.number())
        ),
        3 => format!(
            "local a,b={},{} return S(pcall(function() return a{}b end))",
            making.value(1),
            making.value(1),
            spaced(making)
        ),
        4 => loop_of_numbers(making),
        _ => format!(
            "local a={} return S(pcall(function() return {}a end))",
            making.value(1),
            making.pick(UNARY)
        ),
    };
    making.eval_shown(&script, &[])
}

fn spaced(making: &mut Making<'_>) -> String {
    format!(" {} ", making.pick(BINARY))
}

fn expression(making: &mut Making<'_>, depth: usize) -> String {
    match making.random.below(5) {
        0 => format!("({}{})", making.pick(UNARY), operand(making, depth)),
        _ => format!("({}{}{})", operand(making, depth), spaced(making), operand(making, depth)),
    }
}

fn operand(making: &mut Making<'_>, depth: usize) -> String {
    if depth > 0 && making.chance(50) {
        return expression(making, depth - 1);
    }
    match making.random.below(8) {
        0 => format!("({})", making.value(1)),
        1..=3 => format!("({})", making.string()),
        _ => format!("({})", making.number()),
    }
}

/// A loop that ends soon whatever its bounds are.
fn loop_of_numbers(making: &mut Making<'_>) -> String {
    let (from, to, step) = (making.number(), making.number(), making.number());
    format!(
        "local n,t=0,{{}} for i={from},{to},{step} do n=n+1 t[n]=i if n>5 then break end end return S(t)"
    )
}
