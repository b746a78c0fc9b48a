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
/// <param name="LastEip">The last instruction of it that was looked at.</param>
internal sealed record TracedBlock(uint Eip, long At, long Executed, uint Cpl, bool ByTrap, uint LastEip);

/// <summary>
/// The last blocks before an instruction, seen by walking there one instruction at a time. The last one is where the walk stopped: with
/// a difference ahead, the block that holds it.
/// </summary>
/// <param name="Blocks">In the order of their execution.</param>
/// <param name="Culprit">The one that holds the difference: the last; or if that was entered by a fault, perhaps one before it.</param>
/// <param name="Code">Disassembly of that one.</param>
internal sealed record BlockTrace(IReadOnlyList<TracedBlock> Blocks, TracedBlock Culprit, IReadOnlyList<TracedInstruction> Code)
{
    /// <summary>Blocks kept.</summary>
    public const int Most = 50;

    /// <summary>Walks a Guest to the last instruction after which it was as it should be, and finds the block.</summary>
    /// <param name="guest">The one that is believed.</param>
    /// <param name="from">Instructions at which to begin to look.</param>
    /// <param name="to">Instructions after which all was well.</param>
    /// <param name="unlike">Instructions after which it was not.</param>
    public static BlockTrace Record(DeterministicGuest guest, long from, long to, long unlike)
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

        TracedBlock[] blocks = [.. walk.Blocks];
        TracedBlock culprit = FindCulprit(blocks, unlike, walk);
        return new BlockTrace(blocks, culprit, walk.Disassemble(culprit));
    }

    /// <summary>
    /// Mostly the block that is under way. But where a block faults in one Guest and wrongly runs through in the other, the first is in its
    /// handler by the time that the other has come to the end: then it is the block that was left by the fault, if it ends just there.
    /// </summary>
    private static TracedBlock FindCulprit(TracedBlock[] blocks, long unlike, Walk walk)
    {
        int last = blocks.Length - 1;
        if (blocks[last].At + walk.CodeOf(blocks[last]).Count == unlike)
        {
            return blocks[last];
        }

        for (int i = last; i > 0 && blocks[i - 1].At + OpWriter.MaximumInstructions >= unlike; i--)
        {
            if (blocks[i].ByTrap && blocks[i - 1].At + walk.CodeOf(blocks[i - 1]).Count == unlike)
            {
                return blocks[i - 1];
            }
        }

        return blocks[last];
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
                _current = _current with { Executed = guest.Instructions - _current.At, LastEip = eip };
            }
        }

        /// <summary>The instructions of a block.</summary>
        public List<Instruction> CodeOf(TracedBlock block)
        {
            var code = new List<Instruction>();
            uint eip = block.Eip;
            while (code.Count < OpWriter.MaximumInstructions)
            {
                Instruction instruction = Decode(eip);
                code.Add(instruction);
                if (EndsBlock(instruction) || (eip ^ instruction.NextIP32) >> 12 != 0)
                {
                    break;
                }

                eip = instruction.NextIP32;
            }

            return code;
        }

        public List<TracedInstruction> Disassemble(TracedBlock block)
        {
            var code = new List<TracedInstruction>();
            var formatter = new GasFormatter();
            formatter.Options.UppercaseHex = false;
            formatter.Options.FirstOperandCharIndex = 8;
            foreach (Instruction instruction in CodeOf(block))
            {
                byte[] bytes = new byte[Math.Max(instruction.Length, 1)];
                bytes = bytes[.._view.Read(CodeBase + instruction.IP32, bytes)];
                var text = new StringOutput();
                formatter.Format(instruction, text);
                code.Add(new TracedInstruction(
                    instruction.IP32, bytes, instruction.IsInvalid ? "(bad)" : text.ToStringAndReset(), instruction.IP32 == block.LastEip));
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
                    _blocks.Enqueue(_current with { Executed = guest.Instructions - _current.At });
                    if (_blocks.Count >= Most)
                    {
                        _ = _blocks.Dequeue();
                    }
                }

                _current = new TracedBlock(eip, guest.Instructions, 0, _cpu->Cpl, !expected, eip);
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
/// <param name="IsNext">The last one of its block that was come to.</param>
internal sealed record TracedInstruction(uint Eip, byte[] Bytes, string Text, bool IsNext);
