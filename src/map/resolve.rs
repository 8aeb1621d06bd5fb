//! Walks an expression's syntax tree once: puts a slot in the place of each name, knows every
//! function, and bounds what a loop may do.

use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SourceInfo, operators,
};

use super::budget::{AGAIN, LOOP, SUM};
use super::chain::Chain;
use super::functions::patterns::{Pattern, pattern_argument};
use super::functions::{self, Code, NAMESPACES};
use super::names::{Names, ROOTS, nearest};
use super::text::{TextFault, too_deep};
use crate::limits::{EXPRESSION_DEPTH_MAX, EXPRESSION_LOOPS_MAX};

/// The variable of a loop that the language writes to give a value a name.
const BOUND: &str = "#unused";
/// Names that the language itself gives to types.
const TYPE_NAMES: [&str; 12] = [
    "bool",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "list",
    "map",
    "null_type",
    "type",
    "optional_type",
    "dyn",
];
/// The function whose first argument may be left out.
const TTL: &str = "ttl";

pub(super) struct Walk<'w, 's> {
    pub(super) names: &'w mut Names<'s>,
    pub(super) source: &'w SourceInfo,
    /// The slots that this expression reads; `@0` in the tree is the first of them.
    pub(super) slots: Vec<usize>,
    pub(super) faults: Vec<TextFault>,
    /// Variables of the loops around, the outermost first.
    scopes: Vec<String>,
}

impl<'w, 's> Walk<'w, 's> {
    pub(super) fn new(names: &'w mut Names<'s>, source: &'w SourceInfo) -> Self {
        Self {
            names,
            source,
            slots: Vec::new(),
            faults: Vec::new(),
            scopes: Vec::new(),
        }
    }

    /// Walks an expression that is nested in `depth` others.
    pub(super) fn expression(&mut self, expression: &mut IdedExpr, depth: usize) {
        if depth > EXPRESSION_DEPTH_MAX {
            let at = self.place_of(expression.id);
            self.faults.push(too_deep(at));
            return;
        }
        if let Some(chain) = Chain::of(expression) {
            return self.chain(expression, &chain);
        }
        let id = expression.id;
        match &mut expression.expr {
            Expr::Call(call) => {
                if let Some(replaced) = self.call(call, id, depth) {
                    *expression = replaced;
                }
            }
            Expr::Select(select) => {
                self.expression(&mut select.operand, depth + 1);
                unpaid(&mut select.operand);
            }
            Expr::List(list) => {
                for element in &mut list.elements {
                    self.expression(element, depth + 1);
                }
            }
            Expr::Map(map) => {
                for entry in &mut map.entries {
                    if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                        self.expression(&mut entry.key, depth + 1);
                        self.expression(&mut entry.value, depth + 1);
                    }
                }
            }
            Expr::Comprehension(comprehension) => self.comprehension(comprehension, id, depth),
            Expr::Struct(_) => self.fault(id, "messages cannot be made", "write a map: {'a': 1}"),
            Expr::Unspecified => self.fault(id, "the expression is not complete", ""),
            Expr::Ident(_) | Expr::Literal(_) => {}
        }
    }

    fn chain(&mut self, expression: &mut IdedExpr, chain: &Chain) {
        let root = chain.root.as_str();
        if root.starts_with('@') {
            return;
        }
        if let Some(scope) = self.scopes.iter().rposition(|name| name == root) {
            // The variable of an outer loop, read again and again by the inner one.
            if scope + 1 < self.scopes.len() && chain.links.is_empty() {
                self.paid(expression);
            }
            return;
        }
        if chain.links.is_empty() && TYPE_NAMES.contains(&root) {
            return;
        }
        match self.names.slot(chain) {
            Ok(slot) => {
                // What is wrong with it later is shown where it begins.
                expression.id = first_id(expression);
                expression.expr = Expr::Ident(self.local(slot));
                if !self.scopes.is_empty() {
                    self.paid(expression);
                }
            }
            Err(mut fault) => {
                fault.at = self.place_of(first_id(expression));
                self.faults.push(fault);
            }
        }
    }

    fn call(&mut self, call: &mut CallExpr, id: u64, depth: usize) -> Option<IdedExpr> {
        let name = call.func_name.clone();
        if call.target.is_none()
            && let Some(read) = self.read(call, id)
        {
            return Some(read);
        }
        if name == TTL && call.target.is_none() && call.args.len() == 1 {
            call.args.insert(0, arrival(id));
        }
        let qualified = call.target.as_deref().is_some_and(|target| {
            matches!(&target.expr, Expr::Ident(name) if NAMESPACES.contains(&name.as_str()))
        });
        // The words of operators and macros have signs in them.
        if !(name.starts_with(['_', '!', '-']) || name.contains('@')) {
            self.check_function(call, id, qualified);
        }
        if let (Some(target), false) = (&mut call.target, qualified) {
            self.expression(target, depth + 1);
        }
        for argument in &mut call.args {
            self.expression(argument, depth + 1);
        }
        if [
            operators::INDEX,
            operators::OPT_INDEX,
            operators::OPT_SELECT,
        ]
        .contains(&name.as_str())
            && let Some(operand) = call.args.first_mut()
        {
            unpaid(operand);
        }
        // The sum with which a loop gathers its results is the language's own and paid by turns.
        let gathers = matches!(
            call.args.first().map(|first| &first.expr),
            Some(Expr::Ident(first)) if first.starts_with("@result")
        );
        if name == operators::ADD && !gathers {
            SUM.clone_into(&mut call.func_name);
        }
        None
    }

    /// `now()`, `uuid()` and `json(path)` become slots.
    fn read(&mut self, call: &CallExpr, id: u64) -> Option<IdedExpr> {
        let slot = match call.args.as_slice() {
            [] => {
                let code = functions::find(&call.func_name)?.code;
                if !matches!(code, Code::Read) {
                    return None;
                }
                if call.func_name == "uuid" && !self.scopes.is_empty() {
                    let message = "`uuid()` inside a loop would give each element the same id";
                    self.fault(id, message, "make it outside, in `let`");
                }
                self.names.function_slot(&call.func_name)?
            }
            [only] if call.func_name == "json" => {
                let chain = Chain::of(only)?;
                if chain.test || self.scopes.contains(&chain.root) {
                    return None;
                }
                // A fault is found again, with its place, when the argument is walked.
                self.names.text_slot(&chain).ok().flatten()?
            }
            _ => return None,
        };
        let expr = Expr::Ident(self.local(slot));
        let mut read = IdedExpr { id, expr };
        if !self.scopes.is_empty() {
            self.paid(&mut read);
        }
        Some(read)
    }

    fn check_function(&mut self, call: &mut CallExpr, id: u64, qualified: bool) {
        let namespace = call.target.as_deref().map(|target| &target.expr);
        let name = match namespace {
            Some(Expr::Ident(namespace)) if qualified => format!("{namespace}.{}", call.func_name),
            _ => call.func_name.clone(),
        };
        let Some(function) = functions::find(&name) else {
            let names = functions::all().iter().map(|function| function.name);
            let close = nearest(&name, names);
            let list = "`sluicegate schema --functions` lists all functions";
            let help = if close.is_empty() { list } else { &close };
            return self.fault(id, format!("there is no function `{name}`"), help);
        };
        let as_member = call.target.is_some() && !qualified;
        let counts = if as_member {
            function.member
        } else {
            function.global
        };
        if !counts.contains(&call.args.len()) {
            let message = format!("`{name}` is not called so");
            let help = format!("its form is {}", function.signature);
            self.fault(id, message, &help);
        }
        if let Some(index) = pattern_argument(&name, as_member) {
            self.pattern(call, index, &name);
        }
    }

    /// A regular expression is compiled once, here.
    fn pattern(&mut self, call: &mut CallExpr, index: usize, name: &str) {
        let Some(argument) = call.args.get_mut(index) else {
            return;
        };
        let id = argument.id;
        let Expr::Literal(LiteralValue::String(text)) = &argument.expr else {
            let message = format!("the pattern of `{name}` must be written down");
            return self.fault(id, message, "a pattern from a request could cost any time");
        };
        match Pattern::new(text.inner()) {
            Ok(pattern) => {
                let slot = self.names.pattern_slot(pattern);
                argument.expr = Expr::Ident(self.local(slot));
            }
            Err(what) => {
                let message =
                    format!("the pattern of `{name}` is not a regular expression: {what}");
                let help = "its syntax is that of RE2: no look-around, no back references";
                self.fault(id, message, help);
            }
        }
    }

    fn comprehension(&mut self, inner: &mut ComprehensionExpr, id: u64, depth: usize) {
        if inner.iter_var == BOUND {
            return self.bound(inner, id, depth);
        }
        self.expression(&mut inner.iter_range, depth + 1);
        self.wrap(&mut inner.iter_range, LOOP);
        let variable = inner.iter_var.clone();
        self.check_variable(&variable, id);
        if inner.iter_var2.is_some() {
            self.fault(id, "a loop has one variable", "");
        }
        let outside = self.scopes.len();
        if outside >= EXPRESSION_LOOPS_MAX {
            let message = format!("more than {EXPRESSION_LOOPS_MAX} loops inside each other");
            self.fault(id, message, "name a part of it in `let`");
        }
        self.scopes.push(variable);
        for part in [
            &mut inner.accu_init,
            &mut inner.loop_cond,
            &mut inner.loop_step,
            &mut inner.result,
        ] {
            self.expression(part, depth + 1);
        }
        self.scopes.truncate(outside);
    }

    /// A name for a value, which the language writes as a loop without turns: `optMap`.
    fn bound(&mut self, inner: &mut ComprehensionExpr, id: u64, depth: usize) {
        self.expression(&mut inner.accu_init, depth + 1);
        let variable = inner.accu_var.clone();
        // Names with `@` are the language's own.
        if variable.starts_with('@') {
            return self.expression(&mut inner.result, depth + 1);
        }
        self.check_variable(&variable, id);
        self.scopes.push(variable);
        self.expression(&mut inner.result, depth + 1);
        self.scopes.pop();
    }

    fn check_variable(&mut self, variable: &str, id: u64) {
        let taken = ROOTS.contains(&variable)
            || NAMESPACES.contains(&variable)
            || self.names.lets.iter().any(|known| known.name == variable)
            || self.scopes.iter().any(|scope| scope == variable);
        if taken {
            let message = format!("the variable `{variable}` hides another name");
            self.fault(id, message, "give it a name of its own");
        }
    }

    /// Lets an expression pay for its value each time.
    fn paid(&self, expression: &mut IdedExpr) {
        self.wrap(expression, AGAIN);
    }

    fn wrap(&self, expression: &mut IdedExpr, function: &str) {
        let id = expression.id;
        let inner = std::mem::take(expression);
        *expression = IdedExpr {
            id,
            expr: Expr::Call(CallExpr {
                func_name: function.to_owned(),
                target: None,
                args: vec![inner],
            }),
        };
    }

    /// The name of a slot in this expression's tree.
    fn local(&mut self, slot: usize) -> String {
        let known = self.slots.iter().position(|other| *other == slot);
        let index = known.unwrap_or_else(|| {
            self.slots.push(slot);
            self.slots.len() - 1
        });
        format!("@{index}")
    }

    fn fault(&mut self, id: u64, message: impl Into<String>, help: &str) {
        let at = self.place_of(id);
        self.faults.push(TextFault::new(at, message, help));
    }

    /// The byte of the expression's text where a node stands.
    pub(super) fn place_of(&self, id: u64) -> usize {
        let (start, _) = self.source.offset_for(id).unwrap_or_default();
        (start as usize).min(self.source.source.len())
    }
}

/// Looking into a value does not copy it, so that it need not be paid for.
fn unpaid(expression: &mut IdedExpr) {
    if let Expr::Call(call) = &mut expression.expr
        && call.func_name == AGAIN
        && let Some(inner) = call.args.pop()
    {
        *expression = inner;
    }
}

/// `now_millis()`, from which on `ttl` counts where it is not told otherwise.
fn arrival(id: u64) -> IdedExpr {
    let expr = Expr::Call(CallExpr {
        func_name: "now_millis".to_owned(),
        target: None,
        args: Vec::new(),
    });
    IdedExpr { id, expr }
}

/// The id of the name that a chain begins with.
fn first_id(expression: &IdedExpr) -> u64 {
    let mut place = expression;
    loop {
        place = match &place.expr {
            Expr::Select(select) => &select.operand,
            Expr::Call(call) => match call.args.first() {
                Some(operand) => operand,
                None => return place.id,
            },
            _ => return place.id,
        };
    }
}
