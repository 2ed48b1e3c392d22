//! Determines the labels of an expression's answer.

use promql_parser::parser::{
    AggregateExpr, BinModifier, BinaryExpr, Call, Expr, LabelModifier, VectorMatchCardinality,
};

use super::{Known, Labels, QueryError, names};

impl Known {
    pub(super) fn labels_of(&self, expr: &Expr) -> Result<Labels, QueryError> {
        match expr {
            Expr::Aggregate(aggregate) => self.of_aggregate(aggregate),
            Expr::Binary(binary) => self.of_binary(binary),
            Expr::Call(call) => self.of_call(call),
            Expr::Unary(unary) => self.labels_of(&unary.expr),
            Expr::Paren(paren) => self.labels_of(&paren.expr),
            Expr::Subquery(subquery) => self.labels_of(&subquery.expr),
            Expr::VectorSelector(selector) => self.selected(selector),
            Expr::MatrixSelector(selector) => self.selected(&selector.vs),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) => Ok(Labels::new()),
            Expr::Extension(_) => Err(QueryError::NotUnderstood(expr.to_string())),
        }
    }

    fn of_aggregate(&self, aggregate: &AggregateExpr) -> Result<Labels, QueryError> {
        let inner = self.labels_of(&aggregate.expr)?;
        let op = aggregate.op.to_string();
        match &aggregate.modifier {
            // These functions choose series, and leave them unchanged.
            _ if ["topk", "bottomk"].contains(&op.as_str()) => Ok(inner),
            None => Ok(Labels::new()),
            Some(LabelModifier::Include(by)) => {
                subset(&aggregate.expr, &by.labels, &inner)?;
                Ok(by.labels.iter().cloned().collect())
            }
            Some(LabelModifier::Exclude(without)) => {
                subset(&aggregate.expr, &without.labels, &inner)?;
                Ok(inner
                    .into_iter()
                    .filter(|label| !without.labels.contains(label))
                    .collect())
            }
        }
    }

    fn of_binary(&self, binary: &BinaryExpr) -> Result<Labels, QueryError> {
        let lhs = self.labels_of(&binary.lhs)?;
        let rhs = self.labels_of(&binary.rhs)?;
        if is_scalar(&binary.lhs) {
            return Ok(rhs);
        }
        if is_scalar(&binary.rhs) {
            return Ok(lhs);
        }
        let Some(modifier) = &binary.modifier else {
            return if lhs == rhs {
                Ok(lhs)
            } else {
                Err(QueryError::NotUnderstood(binary.to_string()))
            };
        };
        joined(binary, modifier, lhs, &rhs)
    }

    fn of_call(&self, call: &Call) -> Result<Labels, QueryError> {
        let vector = call.args.args.iter().find(|argument| !is_scalar(argument));
        let labels = vector.map_or_else(|| Ok(Labels::new()), |vector| self.labels_of(vector))?;
        match call.func.name {
            "histogram_quantile" => {
                let le = ["le".to_owned()];
                vector.map_or(Ok(()), |vector| subset(vector, &le, &labels))?;
                Ok(labels.into_iter().filter(|label| label != "le").collect())
            }
            // For absent series, only the labels in the selector are known.
            "absent" => Ok(names(["job"])),
            "scalar" | "vector" | "time" => Ok(Labels::new()),
            "label_replace" | "label_join" => Err(QueryError::NotUnderstood(call.to_string())),
            _ => Ok(labels),
        }
    }
}

/// The vectors inside comparisons, `and`, `or`, `unless` and `absent`.
pub(super) fn compared<'a>(expr: &'a Expr, vectors: &mut Vec<&'a Expr>) {
    if let Expr::Paren(paren) = expr {
        return compared(&paren.expr, vectors);
    }
    if let Expr::Binary(binary) = expr {
        if binary.op.is_comparison_operator() || binary.op.is_set_operator() {
            compared(&binary.lhs, vectors);
            return compared(&binary.rhs, vectors);
        }
    }
    if let Expr::Call(call) = expr {
        if call.func.name == "absent" {
            return vectors.extend(call.args.args.iter().map(AsRef::as_ref));
        }
    }
    if !is_scalar(expr) {
        vectors.push(expr);
    }
}

fn joined(
    binary: &BinaryExpr,
    modifier: &BinModifier,
    lhs: Labels,
    rhs: &Labels,
) -> Result<Labels, QueryError> {
    let on = match &modifier.matching {
        Some(LabelModifier::Include(on)) => on.labels.clone(),
        None if lhs == *rhs => lhs.iter().cloned().collect(),
        Some(LabelModifier::Exclude(_)) | None => {
            return Err(QueryError::NotUnderstood(binary.to_string()));
        }
    };
    subset(&binary.lhs, &on, &lhs)?;
    subset(&binary.rhs, &on, rhs)?;
    match &modifier.card {
        VectorMatchCardinality::ManyToMany => Ok(lhs),
        VectorMatchCardinality::OneToOne => Ok(on.into_iter().collect()),
        VectorMatchCardinality::ManyToOne(added) => {
            subset(&binary.rhs, &added.labels, rhs)?;
            Ok(lhs
                .into_iter()
                .chain(added.labels.iter().cloned())
                .collect())
        }
        VectorMatchCardinality::OneToMany(_) => Err(QueryError::NotUnderstood(binary.to_string())),
    }
}

fn is_scalar(expr: &Expr) -> bool {
    match expr {
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) => true,
        Expr::Call(call) => ["scalar", "time"].contains(&call.func.name),
        Expr::Paren(paren) => is_scalar(&paren.expr),
        Expr::Unary(unary) => is_scalar(&unary.expr),
        Expr::Binary(binary) => is_scalar(&binary.lhs) && is_scalar(&binary.rhs),
        Expr::Aggregate(_)
        | Expr::Subquery(_)
        | Expr::VectorSelector(_)
        | Expr::MatrixSelector(_)
        | Expr::Extension(_) => false,
    }
}

fn subset(of: &Expr, asked: &[String], known: &Labels) -> Result<(), QueryError> {
    let unknown = asked.iter().find(|label| !known.contains(*label));
    unknown.map_or(Ok(()), |label| {
        Err(QueryError::NoLabel(of.to_string(), label.clone()))
    })
}
