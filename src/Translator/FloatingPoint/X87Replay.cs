using System.Runtime.InteropServices;
using Lguest.Jit.Core.Fpu;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Emit;

namespace Lguest.Jit.Translator.FloatingPoint;

/// <summary>One element of a run, as native code refers to it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct X87Record
{
    /// <summary>Eip of the instruction.</summary>
    public uint Eip;

    /// <summary>Where its memory operand is, from the start of the window.</summary>
    public int Offset;

    /// <summary>Its two opcode bytes, in the order of <see cref="X87Operation.Opcode"/>.</summary>
    public ushort Opcode;

    /// <summary>Number of its window.</summary>
    public byte Window;

    /// <summary>Segment of the memory operand (<see cref="Seg"/>).</summary>
    public byte Segment;

    /// <summary>Number of its copy, or <see cref="NoCopy"/>.</summary>
    public byte Copy;

    public const byte NoCopy = 0xFF;
}

/// <summary>
/// The rare other way to execute x87 instructions that were put off: one by one, by soft-float. When translated code leaves between
/// them, and when a register is empty that a thunk takes for full, or the other way round.
/// </summary>
internal static unsafe class X87Replay
{
    /// <summary>What a thunk or a replay answers at least: bit 1 of EFLAGS.</summary>
    public const uint Done = Eflags.Fixed;

    /// <summary>
    /// Executes the first <paramref name="count"/> elements of a run, whose memory operands have been translated. The FPU is there, no exception is
    /// pending, and all are masked: so none of them can trap.
    /// </summary>
    /// <returns>The low byte of EFLAGS as the last element has it if it is FCOMI or FUCOMI; otherwise <see cref="Done"/>.</returns>
    public static uint Run(GuestCpu* cpu, X87Record* records, int count)
    {
        uint flags = Done;
        byte* buffer = stackalloc byte[16];
        for (X87Record* r = records; r != records + count; r++)
        {
            X87Operation operation = X87Decoder.Classify((byte)(0xD8 | (r->Opcode >> 8)), (byte)r->Opcode);
            var memory = new Span<byte>(buffer, operation.Width);
            byte* host = null;
            uint address = 0;
            if (operation.Width != 0)
            {
                ulong* window = cpu->FpuThunks.Windows + 2 * r->Window;
                host = (byte*)window[0] + r->Offset;
                address = (uint)window[1] + (uint)r->Offset;
                if (r->Copy != X87Record.NoCopy)
                {
                    host = (byte*)(cpu->FpuThunks.Copies + r->Copy);
                }

                new ReadOnlySpan<byte>(host, operation.Width).CopyTo(memory);
            }

            X87.RecordPointers(
                ref cpu->Fpu, operation, GuestCpu.Segment(cpu, Seg.Cs)->Selector, r->Eip, GuestCpu.Segment(cpu, r->Segment)->Selector, address);
            X87Result result = X87.Execute(ref cpu->Fpu, operation, memory);
            if (result.SetsFlags)
            {
                flags |= result.Flags;
            }

            if (result.Store)
            {
                memory.CopyTo(new Span<byte>(host, operation.Width));
            }
        }

        return flags;
    }

    /// <summary>The records of a run, to be freed with <see cref="HostAllocations.Free"/>.</summary>
    public static nint Records(X87Run run)
    {
        var records = (X87Record*)HostAllocations.Take((nuint)(run.Elements.Count * sizeof(X87Record)), 64);
        foreach (X87Element e in run.Elements)
        {
            records[e.Number] = new X87Record
            {
                Eip = e.Instruction.IP32,
                Opcode = e.Operation.Opcode,
                Segment = (byte)OpWriter.SegmentNumber(e.Instruction.MemorySegment),
                Window = (byte)(e.Window?.Number ?? 0),
                Copy = (byte)(e.Copy ?? X87Record.NoCopy),
                Offset = e.Window == null ? 0 : e.Offset,
            };
        }

        return (nint)records;
    }
}
