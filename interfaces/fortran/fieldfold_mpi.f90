!> fieldfold on the ranks of MPI, in Fortran 2008.
module fieldfold_mpi
  use, intrinsic :: iso_c_binding, only: c_int, c_null_ptr, c_ptr
  use mpi_f08, only: mpi_comm
  use fieldfold, only: fieldfold_communicator
  implicit none
  private

  public :: fieldfold_mpi_communicator

  interface
    function c_create(ranks, communicator) bind(c, name='fieldfold_mpi_communicator_create_f')
      import :: c_int, c_ptr
      integer(c_int), value :: ranks
      type(c_ptr), intent(inout) :: communicator
      integer(c_int) :: c_create
    end function
  end interface

contains

  !> Makes a communicator over a duplicate of one of MPI, which the caller initializes and finalizes. Collective.
  subroutine fieldfold_mpi_communicator(ranks, communicator, stat, errmsg)
    type(mpi_comm), intent(in) :: ranks
    type(fieldfold_communicator), intent(inout) :: communicator
    integer, intent(out) :: stat !< as in the module fieldfold
    character(len=*), intent(inout), optional :: errmsg
    type(c_ptr) :: made
    integer(c_int) :: status
    made = c_null_ptr
    status = c_create(int(ranks%mpi_val, c_int), made)
    call communicator%adopt(status, made, stat, errmsg)
  end subroutine

end module fieldfold_mpi
