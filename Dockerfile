# multibox on a CPU. This file has not been built and tested yet.
#
#   docker build -t multibox .
#   docker run --rm -v "$PWD:/work" multibox detect photo.jpg
#   docker run --rm -p 127.0.0.1:8000:8000 multibox serve --host 0.0.0.0 --without-token
FROM python:3.13-slim

# libgomp is needed by torch. opencv-python-headless needs no graphics libraries.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*

WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src src
# PyPI's torch for Linux includes CUDA. The CPU build of this index has a higher version (+cpu), so pip chooses it.
RUN pip install --no-cache-dir -c constraints.txt --extra-index-url https://download.pytorch.org/whl/cpu '.[export,serve]'

RUN useradd --create-home multibox
USER multibox
WORKDIR /work
ENTRYPOINT ["multibox"]
CMD ["--help"]
