# multibox on a CPU. Not built by the test suite: no container runtime was available where it was written.
#
#   docker build -t multibox .
#   docker run --rm -v "$PWD:/work" multibox detect photo.jpg
FROM python:3.13-slim

# libgomp is needed by torch. opencv-python-headless needs no graphics libraries.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*

WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src src
# The CPU index first: PyPI's torch for Linux includes CUDA.
RUN pip install --no-cache-dir -c constraints.txt --index-url https://download.pytorch.org/whl/cpu torch \
    && pip install --no-cache-dir -c constraints.txt '.[export]'

RUN useradd --create-home multibox
USER multibox
WORKDIR /work
ENTRYPOINT ["multibox"]
CMD ["--help"]
