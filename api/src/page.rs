//! Pages of lists that are numbered.

use crate::{answer::ApiError, request};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::IntoParams;

/// Objects of a page when nobody says.
const PER_PAGE: usize = 20;
/// Most objects of a page.
const PER_PAGE_MAX: usize = 1_000;

/// Which page of a list is wanted: `page=` from 1, `per_page=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    number: usize,
    per_page: usize,
}

/// How the pages of a list are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// Which page, from 1.
    #[param(minimum = 1)]
    page: Option<usize>,
    /// Most objects of a page; 20 when nobody says.
    #[param(minimum = 1, maximum = 1_000)]
    per_page: Option<usize>,
}

impl Page {
    /// Reads what a request asks for.
    ///
    /// # Errors
    /// For what are no numbers, and for pages of nothing or too much.
    pub(crate) fn of(http: &HttpRequest) -> Result<Self, ApiError> {
        let PageQuery { page, per_page } = request::query(http)?;
        let (number, per_page) = (page.unwrap_or(1), per_page.unwrap_or(PER_PAGE));
        if number == 0 {
            return Err(ApiError::schema("page", "Pages are counted from 1."));
        }
        if !(1..=PER_PAGE_MAX).contains(&per_page) {
            let why = format!("A page has 1 to {PER_PAGE_MAX} objects.");
            return Err(ApiError::schema("per_page", why));
        }
        Ok(Self { number, per_page })
    }

    /// How many objects come before the page.
    pub(crate) fn skip(self) -> usize {
        (self.number - 1).saturating_mul(self.per_page)
    }

    /// Most objects on it.
    pub(crate) fn most(self) -> usize {
        self.per_page
    }

    /// The answer with this page of all `objects`.
    pub(crate) fn of_all<T: Serialize>(self, objects: impl ExactSizeIterator<Item = T>) -> HttpResponse {
        let total = objects.len();
        self.answer(&objects.skip(self.skip()).take(self.per_page).collect::<Vec<_>>(), total)
    }

    /// The answer with the objects of this page, of `total`.
    pub(crate) fn answer(self, objects: &[impl Serialize], total: usize) -> HttpResponse {
        HttpResponse::Ok().json(json!({
            "success": true, "errors": [], "messages": [], "result": objects,
            "result_info": {
                "page": self.number, "per_page": self.per_page, "count": objects.len(),
                "total_count": total, "total_pages": total.div_ceil(self.per_page),
            },
        }))
    }
}
