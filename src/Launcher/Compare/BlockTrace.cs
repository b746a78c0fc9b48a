using Iced.Intel;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;
using Lguest.Jit.Launcher.Deterministic;
using Lguest.Jit.Launcher.Reporting;

namespace Lguest.Jit.Launcher.Compare;

/// <summary>A block that was executed, or was about to be.</summary>
/// <param name="Eip">Of its first instruction.</param>
/// <param name="At">Instructions completed when it was entered.</param>
/// <param name="Executed">Instructions of it that were completed (iterations of string instructions count).</param>
/// <param name="Cpl">At what privilege.</param>
/// <param name="ByTrap">Entered by an interrupt, a trap or a fault, and not by the instruction before it.</param>
internal sealed record TracedBlock(uint Eip, long At, long Executed, uint Cpl, bool ByTrap);

/// <summary>
/// The last blocks before an instruction, seen by walking there one instruction at a time. The last one is where the walk stopped: with
/// a difference ahead, the block that holds it.
/// </summary>
/// <param name="Blocks">In the order of their execution.</param>
/// <param name="Code">Disassembly of the last one: address, bytes, text; and which instruction comes next.</param>
internal sealed record BlockTrace(IReadOnlyList<TracedBlock> Blocks, IReadOnlyList<TracedInstruction> Code)
{
    /// <summary>Blocks kept.</summary>
    public const int Most = 50;

    /// <summary>The block that was being executed.</summary>
    public TracedBlock Last => Blocks[^1];

    /// <summary>Walks a Guest from <paramref name="from"/> to <paramref name="to"/> instructions.</summary>
    public static BlockTrace Record(DeterministicGuest guest, long from, long to)
    {
        if (guest.Instructions < from)
        {
            _ = guest.RunUntil(from);
        }

        var walk = new Walk(guest);
        walk.Look();
        while (guest.Instructions < to && guest.RunUntil(guest.Instructions + 1) is null)
        {
            walk.Look();
        }

        return new BlockTrace([.. walk.Blocks], walk.Disassemble());
    }

    /// <summary>Follows eip and cuts its way into blocks, by the rules that the engines have.</summary>
    private sealed unsafe class Walk(DeterministicGuest guest)
    {
        private readonly GuestCpu* _cpu = guest.Machine.Cpu;
        private readonly GuestView _view = new(guest.Machine);
        private readonly Queue<TracedBlock> _blocks = new();
        private TracedBlock? _current;
        private Instruction _previous;
        private int _instructions;

        public IEnumerable<TracedBlock> Blocks => _current is null ? _blocks : _blocks.Append(_current);

        /// <summary>Eip stands before an instruction.</summary>
        public void Look()
        {
            uint eip = _cpu->Eip;
            bool repeats = _current is not null && eip == _previous.IP32 && _previous.HasRepPrefix;
            if (!repeats)
            {
                Enter(eip);
            }

            if (_current is not null)
            {
                _current = _current with { Executed = guest.Instructions - _current.At };
            }
        }

        public List<TracedInstruction> Disassemble()
        {
            var code = new List<TracedInstruction>();
            if (_current is not { } block)
            {
                return code;
            }

            uint eip = block.Eip;
            var formatter = new GasFormatter(new FormatterOptions { FirstOperandCharIndex = 8 });
            for (int i = 0; i < OpWriter.MaximumInstructions; i++)
            {
                Instruction instruction = Decode(eip);
                byte[] bytes = new byte[Math.Max(instruction.Length, 1)];
                bytes = bytes[.._view.Read(CodeBase + eip, bytes)];
                var text = new StringOutput();
                formatter.Format(instruction, text);
                code.Add(new TracedInstruction(eip, bytes, instruction.IsInvalid ? "(bad)" : text.ToStringAndReset(), eip == _cpu->Eip));
                if (EndsBlock(instruction) || (eip ^ instruction.NextIP32) >> 12 != 0)
                {
                    break;
                }

                eip = instruction.NextIP32;
            }

            return code;
        }

        private uint CodeBase => GuestCpu.Segment(_cpu, Seg.Cs)->Base;

        private static bool EndsBlock(in Instruction instruction) => instruction.IsInvalid || instruction.FlowControl != FlowControl.Next;

        private void Enter(uint eip)
        {
            bool follows = _current is not null && eip == _previous.NextIP32;
            bool expected = _current is null || follows || EndsBlock(_previous);
            if (_current is null || !follows || EndsBlock(_previous) || (eip ^ _previous.IP32) >> 12 != 0 || _instructions == OpWriter.MaximumInstructions)
            {
                if (_current is not null)
                {
                    _blocks.Enqueue(_current);
                    if (_blocks.Count >= Most)
                    {
                        _ = _blocks.Dequeue();
                    }
                }

                _current = new TracedBlock(eip, guest.Instructions, 0, _cpu->Cpl, !expected);
                _instructions = 0;
            }

            _previous = Decode(eip);
            _instructions++;
        }

        private Instruction Decode(uint eip)
        {
            byte[] bytes = new byte[15];
            int length = _view.Read(CodeBase + eip, bytes);
            int bits = (GuestCpu.Segment(_cpu, Seg.Cs)->Attributes & SegmentRegister.Big) != 0 ? 32 : 16;
            var decoder = Decoder.Create(bits, new ByteArrayCodeReader(bytes, 0, Math.Max(length, 1)), eip, DecoderOptions.None);
            decoder.Decode(out Instruction instruction);
            return instruction;
        }
    }
}

/// <summary>An instruction in a report.</summary>
/// <param name="Eip">Where.</param>
/// <param name="Bytes">Of which bytes.</param>
/// <param name="Text">Disassembled.</param>
/// <param name="IsNext">Eip stood here when the walk ended.</param>
internal sealed record TracedInstruction(uint Eip, byte[] Bytes, string Text, bool IsNext);
