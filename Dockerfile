# Images of fedclinic, one a role:
#   coordinator  plans, aggregates, keeps the evidence; has no torch and no model weights
#   site-agent   one hospital: de-identifies, trains, keeps the ledger; models are mounted
#   demo         both and the embedded model, for trying out: `fedclinic demo` on one machine
# docs/containers.md says how they are built, run, and what was seen when they were.

ARG BASE=python:3.11-slim

FROM ${BASE} AS builder
# Where pip looks, if not on PyPI: `--build-arg PIP_FIND_LINKS="$PIP_FIND_LINKS"` passes it on.
# It has to name a place that has torch's CPU build, unless TORCH (below) asks for another.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_FIND_LINKS
ENV PIP_INDEX_URL=$PIP_INDEX_URL PIP_EXTRA_INDEX_URL=$PIP_EXTRA_INDEX_URL PIP_FIND_LINKS=$PIP_FIND_LINKS
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PATH=/opt/fedclinic/bin:$PATH
WORKDIR /src
RUN python3 -m venv /opt/fedclinic

FROM builder AS wheel
COPY . .
RUN pip install -qq -c constraints.txt setuptools \
 && pip wheel -qq --no-deps --no-build-isolation --wheel-dir /wheel .

FROM builder AS coordinator-environment
COPY requirements-coordinator.lock .
RUN pip install -qq --require-hashes --no-deps -r requirements-coordinator.lock
COPY --from=wheel /wheel /wheel
# What reads notes or holds weights is left out: import-linter proves that the coordinator needs none.
RUN pip install -qq --no-deps --no-index /wheel/*.whl && pip check \
 && pip uninstall -qq --yes pip setuptools \
 && cd /opt/fedclinic/lib/python3*/site-packages && rm -r ../../../bin/fedclinic-site site_agent \
    fedclinic/notes.py fedclinic/deid fedclinic/synthetic fedclinic/learning \
 && cd / && python3 -c 'import flows.session, flows.train'

FROM builder AS site-packages
# Empty: the CPU build, by hash. `--build-arg TORCH=torch` takes what pip finds, from PyPI the CUDA
# build with NVIDIA's libraries, by version.
ARG TORCH=""
COPY constraints.txt requirements-site.lock ./
RUN if [ -n "$TORCH" ]; then pip install -qq -c constraints.txt "$TORCH"; fi \
 && pip install -qq --require-hashes --no-deps -r requirements-site.lock
COPY --from=wheel /wheel /wheel
RUN pip install -qq --no-deps --no-index /wheel/*.whl

FROM site-packages AS site-environment
RUN pip check && pip uninstall -qq --yes pip \
 && cd /opt/fedclinic/lib/python3*/site-packages && rm -r ../../../bin/fedclinic flows \
 && cd / && python3 -c 'import site_agent.agent, site_agent.child, site_agent.prepare'

FROM site-packages AS demo-environment
COPY requirements-demo.lock .
RUN pip install -qq --require-hashes --no-deps -r requirements-demo.lock \
 && pip check && pip uninstall -qq --yes pip

FROM ${BASE} AS base
# The interpreter's own installer goes too: a running container can install nothing.
RUN rm -rf $(python3 -c 'from importlib.util import find_spec as find; \
print(*(find(name).submodule_search_locations[0] for name in ("pip", "setuptools", "wheel", "ensurepip") if find(name)))') \
 && rm -f /usr/bin/pip* /usr/local/bin/pip* \
 && mkdir /state && chown 10001:10001 /state
ENV PATH=/opt/fedclinic/bin:$PATH \
    HOME=/state \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 HF_HUB_DISABLE_TELEMETRY=1 \
    DO_NOT_TRACK=1 PREFECT_SERVER_ANALYTICS_ENABLED=false MLFLOW_DISABLE_TELEMETRY=true \
    MPLCONFIGDIR=/tmp/matplotlib
USER 10001:10001
WORKDIR /state
VOLUME /state

FROM base AS coordinator
COPY --from=coordinator-environment /opt/fedclinic /opt/fedclinic
ENV FEDCLINIC_WORKSPACE=/state/workspace
HEALTHCHECK --interval=1m --timeout=20s CMD ["fedclinic", "--version"]
ENTRYPOINT ["fedclinic"]
CMD ["--help"]

FROM base AS demo
COPY --from=demo-environment /opt/fedclinic /opt/fedclinic
ENV FEDCLINIC_WORKSPACE=/state/workspace
HEALTHCHECK --interval=1m --timeout=20s CMD ["fedclinic", "--version"]
ENTRYPOINT ["fedclinic"]
CMD ["demo"]

FROM base AS site-agent
COPY --from=site-environment /opt/fedclinic /opt/fedclinic
HEALTHCHECK --interval=1m --timeout=20s CMD ["fedclinic-site", "--version"]
ENTRYPOINT ["fedclinic-site"]
CMD ["--help"]
