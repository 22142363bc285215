# What this site needs: copy it to ~/.config/eon/site.sh (or where EON_SITE says), and set what
# applies. It is read by bash, at `eon slurm submit` and again at the beginning of each job.
# shellcheck shell=bash

# Modules that bring MPI and the libraries that eon was built with.
# module load openmpi hdf5 openblas

# What sbatch would be told on every line: the account, the partition, a quality of service.
# export SBATCH_ACCOUNT=project
# export SBATCH_PARTITION=standard
# export SBATCH_QOS=normal

# srun (where Slurm has PMIx) or mpirun. Without this the job looks.
# export EON_LAUNCHER=srun

# How a job is followed by the next: requeue, dependent (where users may not requeue), or none.
# Without this the job's own flag decides.
# export EON_CHAIN=dependent

# Networks. InfiniBand by UCX:
# export OMPI_MCA_pml=ucx UCX_NET_DEVICES=mlx5_0:1
# Omni-Path by PSM2:
# export OMPI_MCA_pml=cm OMPI_MCA_mtl=psm2
# Ethernet: the interface, or the subnet, that joins the nodes.
# export OMPI_MCA_pml=ob1 OMPI_MCA_btl=self,vader,tcp OMPI_MCA_btl_tcp_if_include=eth0
