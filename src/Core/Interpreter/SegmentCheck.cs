using Lguest.Jit.Core.Segmentation;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter;

/// <summary>The micro-op that goes before a memory access through a segment that is not known to be flat.</summary>
internal static unsafe class SegmentCheck
{
    /// <summary>In <see cref="Op.Info"/>: the access writes. The low byte is the size.</summary>
    public const int WriteBit = 0x8000;

    public static Op* Handler(GuestCpu* cpu, Op* op)
    {
        uint offset = AddressGeneral.Offset(cpu, op);
        return Segments.Check(cpu, op->Segment, offset, (uint)(op->Info & 0xFF), (op->Info & WriteBit) != 0, out _)
            ? op + 1
            : Flow.Faulted(cpu, op);
    }
}
