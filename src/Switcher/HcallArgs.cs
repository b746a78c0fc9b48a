namespace Lguest.Jit.Switcher;

/// <summary>
/// <c>struct hcall_args</c>: number and four arguments, from eax, ebx, ecx, edx and esi or from a slot of the ring. The
/// registers that a call does not use hold garbage.
/// </summary>
internal readonly record struct HcallArgs(uint Arg0, uint Arg1, uint Arg2, uint Arg3, uint Arg4)
{
    /// <summary>Bytes of one slot in <c>lguest_data.hcalls</c>.</summary>
    public const int Size = 20;
}
