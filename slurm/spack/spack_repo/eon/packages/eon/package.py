# eon for Spack 1.0 and later, built from the clone of eon that this file lies in:
#
#   spack repo add slurm/spack/spack_repo/eon
#   spack spec eon                 # what would be built, and what is taken from the site
#   spack install eon
#   spack load eon && eon doctor
#
# A cluster has an MPI that knows its network and its Slurm: tell Spack to take it as it is, by
# `spack external find openmpi`, or by an entry with the module's prefix in packages.yaml, and
# `buildable: false`. Where Spack builds Open MPI itself, for Slurm and InfiniBand:
#
#   spack install eon ^openmpi schedulers=slurm fabrics=ucx
#
# (Open MPI 4 has no mpirun then, unless `+legacylaunchers` is added.)

import os

from spack_repo.builtin.build_systems.makefile import MakefilePackage

from spack.package import *


def clone():
    """The folder of this clone: slurm/spack/spack_repo/eon/packages/eon/package.py lies in it."""
    path = os.path.realpath(__file__)
    for _ in range(7):
        path = os.path.dirname(path)
    return path


class Eon(MakefilePackage):
    """Trains language models on CPU clusters, in C over MPI: the same bits at every number of
    ranks, resumable at any time, without Python."""

    git = "file://" + clone()

    license("MIT")

    version("main", branch="main")

    depends_on("c", type="build")
    depends_on("gmake", type="build")
    depends_on("pkgconfig", type="build")

    depends_on("openmpi")
    depends_on("hdf5~mpi")  # ranks read their own shards, each by itself
    depends_on("openblas")  # which benches load, to compare with
    depends_on("zlib-api")
    depends_on("libdeflate")
    depends_on("isa-l")
    depends_on("pcre2")
    depends_on("jansson")
    depends_on("libinih")

    # The Makefile compiles with MPI's wrapper, and finds the libraries by pkg-config.
    @property
    def build_targets(self):
        return [f"CC={self.spec['mpi'].mpicc}"]

    @property
    def install_targets(self):
        return [*self.build_targets, f"PREFIX={self.prefix}", "install"]

    # `make test` is a clone's: it starts ranks, and installs what it needs.
    def check(self):
        pass

    def test_doctor(self):
        """what this machine, its MPI, kernels and libraries can do"""
        Executable(self.prefix.bin.eon)("doctor")
