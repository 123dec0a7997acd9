"""Answer every failure with a word, never with what was sent or what went wrong inside."""

from collections.abc import Callable

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from fedclinic.errors import FedclinicError
from fedclinic.exchange_protocol import Problem, Trouble
from flows.exchange.problems import STATUS, RefusedError

_STATUS_WORDS = {
    404: Trouble.NOT_FOUND,
    413: Trouble.TOO_LARGE,
    503: Trouble.BUSY,
}


def explain_refusals(service: FastAPI, clock: Callable[[], float]) -> None:
    """Let the service answer what is refused, and what fails, with a `Problem`."""

    def answer(
        request: Request, trouble: Trouble, status: int, received: int | None = None
    ) -> JSONResponse:
        request.state.trouble = trouble.value
        problem = Problem(problem=trouble, now=clock(), received=received)
        return JSONResponse(problem.model_dump(mode="json"), status_code=status)

    @service.exception_handler(RefusedError)
    def refused(request: Request, error: RefusedError) -> JSONResponse:
        return answer(request, error.trouble, STATUS[error.trouble], error.received)

    @service.exception_handler(RequestValidationError)
    def invalid(request: Request, _: RequestValidationError) -> JSONResponse:
        return answer(request, Trouble.REQUEST, 422)

    @service.exception_handler(HTTPException)
    def plain(request: Request, error: HTTPException) -> Response:
        if error.status_code == 204:
            return Response(status_code=204)
        trouble = _STATUS_WORDS.get(error.status_code, Trouble.REQUEST)
        response = answer(request, trouble, error.status_code)
        response.headers.update(error.headers or {})
        if error.status_code == 405:
            response.headers["allow"] = ", ".join(_methods(service, request))
        return response

    @service.exception_handler(FedclinicError)
    def away(request: Request, _: FedclinicError) -> JSONResponse:
        return answer(request, Trouble.BUSY, 503)

    @service.exception_handler(Exception)
    def unexpected(request: Request, _: Exception) -> JSONResponse:
        return answer(request, Trouble.BUSY, 500)


def _methods(service: FastAPI, request: Request) -> list[str]:
    """Every method that the request's address takes; the router names those of one route."""
    routes = (route for route in service.routes if route.matches(request.scope)[0] != Match.NONE)
    return sorted({method for route in routes for method in getattr(route, "methods", ())})
