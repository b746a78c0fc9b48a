using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter.ControlFlow;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter;

/// <summary>
/// Bytes → instructions → ops. A block ends at a control transfer, at the end of its page, or when it is full; an
/// instruction that crosses into the next page is a block of its own.
/// </summary>
internal sealed unsafe class BlockBuilder
{
    /// <summary>The longest instruction (SDM vol. 2, §2.3.11).</summary>
    private const int MaximumLength = 15;

    private readonly GuestMachine _machine;
    private readonly CodeBytes _bytes = new();
    private readonly Decoder _decoder16;
    private readonly Decoder _decoder32;
    private readonly Instruction[] _instructions = new Instruction[OpWriter.MaximumInstructions];
    private readonly bool[] _flagsLive = new bool[OpWriter.MaximumInstructions];

    public BlockBuilder(GuestMachine machine)
    {
        _machine = machine;

        // F3 0F BC/BD are BSF/BSR to a CPU without BMI, which is what our CPUID says we are.
        const DecoderOptions Options = DecoderOptions.NoMPFX_0FBC | DecoderOptions.NoMPFX_0FBD;
        _decoder16 = Decoder.Create(16, _bytes, Options);
        _decoder32 = Decoder.Create(32, _bytes, Options);
    }

    public OpWriter Writer { get; } = new();

    /// <summary>Bytes of the block just built.</summary>
    public int ByteLength { get; private set; }

    /// <summary>They themselves, until the next block is built.</summary>
    public ReadOnlySpan<byte> Code => _bytes.First(ByteLength);

    /// <summary>The block just built is one instruction that goes on in the next page, at <see cref="SecondPhysical"/>.</summary>
    public bool CrossesPage { get; private set; }

    /// <summary>Where the second page's bytes lie.</summary>
    public uint SecondPhysical { get; private set; }

    /// <summary>How the block just built ends, and where to.</summary>
    public (BlockEnd End, uint Target) Ending
    {
        get
        {
            if (!Writer.Ended)
            {
                return (BlockEnd.FallThrough, 0);
            }

            ref readonly Instruction last = ref _instructions[Writer.Count - 1];
            bool relative = last.OpCount > 0 && last.GetOpKind(0) == OpKind.NearBranch32;
            return last.FlowControl switch
            {
                FlowControl.UnconditionalBranch when relative => (BlockEnd.Jump, last.NearBranch32),
                FlowControl.ConditionalBranch when relative => (BlockEnd.Conditional, last.NearBranch32),
                FlowControl.Call when relative => (BlockEnd.Call, last.NearBranch32),
                FlowControl.IndirectBranch or FlowControl.IndirectCall when last.MemorySize is not (MemorySize.SegPtr16 or MemorySize.SegPtr32) =>
                    (last.FlowControl == FlowControl.IndirectCall ? BlockEnd.IndirectCall : BlockEnd.IndirectJump, 0),
                FlowControl.Return when last.Mnemonic == Mnemonic.Ret => (BlockEnd.Return, 0),
                _ => (BlockEnd.Other, 0),
            };
        }
    }

    /// <summary>The instructions of the block just built.</summary>
    public ReadOnlySpan<Instruction> Instructions => _instructions.AsSpan(0, Writer.Count);

    /// <summary>
    /// Decodes and lowers the block at <c>cpu->Eip</c>. False: fetching it faults (the record stands in the CPU).
    /// </summary>
    /// <param name="cpu">Mode and eip; not changed but for faults.</param>
    /// <param name="linear">Linear address of the first byte.</param>
    /// <param name="physical">Its guest-physical address, in RAM.</param>
    /// <param name="limit">Instructions at most, ≥ 1.</param>
    /// <param name="linkable">May the block carry links to others?</param>
    public bool Build(GuestCpu* cpu, uint linear, uint physical, int limit, bool linkable)
    {
        CrossesPage = false;
        Decoder decoder = (cpu->Mode & CpuMode.Code16) != 0 ? _decoder16 : _decoder32;
        int inPage = (int)(0x1000 - (linear & 0xFFF));
        _bytes.Set(new ReadOnlySpan<byte>(_machine.Ram.Base + physical, inPage));
        int count = 0;
        int length = 0;
        while (count < limit && count < OpWriter.MaximumInstructions && length < inPage)
        {
            if (!Decode(decoder, cpu->Eip + (uint)length, length, out _instructions[count]))
            {
                if (count == 0)
                {
                    return BuildCrossing(cpu, decoder, linear, physical, inPage, linkable);
                }

                break;
            }

            length += _instructions[count].Length;
            if (EndsBlock(_instructions[count++]))
            {
                break;
            }
        }

        Lower(cpu, count, length, linkable);
        return true;
    }

    /// <summary>Decodes one instruction; false if the bytes at hand end before it does.</summary>
    private bool Decode(Decoder decoder, uint eip, int offset, out Instruction instruction)
    {
        _bytes.Position = offset;
        decoder.IP = eip;
        decoder.Decode(out instruction);
        return decoder.LastError != DecoderError.NoMoreBytes;
    }

    private bool BuildCrossing(GuestCpu* cpu, Decoder decoder, uint linear, uint physical, int inPage, bool linkable)
    {
        if (!ColdAccess.TranslateFetch(cpu, linear + (uint)inPage, out uint second))
        {
            return false;
        }

        // The first page may have ended with bytes that are complete in themselves only because of what follows, so the
        // instruction is decoded anew from both parts.
        Span<byte> both = stackalloc byte[inPage + MaximumLength];
        new ReadOnlySpan<byte>(_machine.Ram.Base + physical, inPage).CopyTo(both);
        new ReadOnlySpan<byte>(_machine.Ram.Base + second, MaximumLength).CopyTo(both[inPage..]);
        _bytes.Set(both);
        _ = Decode(decoder, cpu->Eip, 0, out _instructions[0]);
        CrossesPage = true;
        SecondPhysical = second;
        Lower(cpu, 1, Math.Max(_instructions[0].Length, inPage + 1), linkable);
        return true;
    }

    private void Lower(GuestCpu* cpu, int count, int length, bool linkable)
    {
        ReadOnlySpan<Instruction> instructions = _instructions.AsSpan(0, count);
        FlagLiveness.Analyse(instructions, _flagsLive);
        Writer.Begin(cpu->Mode);
        for (int i = 0; i < count; i++)
        {
            ref readonly Instruction instruction = ref instructions[i];
            Writer.BeginInstruction(instruction);
            if (CrossesPage && linkable)
            {
                Writer.Emit(HandlerBinder.Bind(typeof(SecondPageGuard), nameof(SecondPageGuard.Handler))).Immediate = SecondPhysical;
            }

            Writer.FlagsLive = _flagsLive[i];
            Lower? lower = LoweringTable.Find(instruction);
            if (lower == null)
            {
                bool tooLong = instruction.IsInvalid && instruction.Length >= MaximumLength;
                Writer.Emit(HandlerBinder.Branch(tooLong ? typeof(TooLong) : typeof(Undefined)));
                Writer.Ended = true;
            }
            else
            {
                lower(Writer, instruction);
            }

            if (Writer.Ended)
            {
                break;
            }
        }

        ByteLength = length;
        if (!Writer.Ended)
        {
            uint next = cpu->Eip + (uint)length;
            if (linkable)
            {
                Writer.Emit(HandlerBinder.Bind(typeof(BranchHandlers), nameof(BranchHandlers.FallThrough)));
                Writer.EmitLink(next);
            }
            else
            {
                Writer.Emit(HandlerBinder.Bind(typeof(BranchHandlers), nameof(BranchHandlers.Stop))).Immediate = next;
            }
        }

        Writer.Finish();
    }

    /// <summary>
    /// Ends the decoding loop early where flow control says so. (Lowering may end a block at other instructions too;
    /// the bytes decoded behind them then merely count as part of the block.)
    /// </summary>
    private static bool EndsBlock(in Instruction instruction) =>
        instruction.IsInvalid || instruction.FlowControl is not FlowControl.Next;

    /// <summary>The Guest's bytes as Iced reads them.</summary>
    private sealed class CodeBytes : CodeReader
    {
        private readonly byte[] _buffer = new byte[GuestRam.PageSize + 2 * MaximumLength];
        private int _length;

        public int Position { get; set; }

        public void Set(ReadOnlySpan<byte> bytes)
        {
            bytes.CopyTo(_buffer);
            _length = bytes.Length;
        }

        public ReadOnlySpan<byte> First(int length) => _buffer.AsSpan(0, length);

        public override int ReadByte() => Position < _length ? _buffer[Position++] : -1;
    }
}

/// <summary>Bytes that are no instruction of this CPU: #UD.</summary>
internal readonly unsafe struct Undefined : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op) => Fault.InvalidOpcode(cpu);
}

/// <summary>More than 15 bytes: #GP(0).</summary>
internal readonly unsafe struct TooLong : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op) => Fault.GeneralProtection(cpu);
}
