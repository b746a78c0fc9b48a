namespace Lguest.Jit.Core.Tests.Silicon.Recording;

/// <summary>The state after an instruction, and how it ended: at a stopper, or with a fault of its own.</summary>
internal sealed class SiliconOutcome : SiliconState
{
    /// <summary>Vector that ended it; 3 when it simply ran on to a stopper.</summary>
    public int Vector { get; set; }

    /// <summary>Error code as pushed; 0 where the vector has none.</summary>
    public uint Error { get; set; }

    /// <summary>
    /// Eip − address of the slot. For <c>int3</c> and <c>into</c>, which push the address behind themselves, that of the
    /// instruction itself, as an engine reports it.
    /// </summary>
    public int Stop { get; set; }
}
