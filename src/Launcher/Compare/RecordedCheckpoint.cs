using System.Runtime.InteropServices;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.State;
using Lguest.Jit.Launcher.Deterministic;
using Lguest.Jit.Switcher;

namespace Lguest.Jit.Launcher.Compare;

/// <summary>One moment of a recorded run: the digest, and the registers for whoever has to find out what went wrong.</summary>
/// <param name="Digest">Of everything.</param>
/// <param name="Registers">EAX to EDI by x86 number, eip, eflags.</param>
/// <param name="End">Set at the end of a life: how it ended.</param>
internal sealed record RecordedCheckpoint(GuestDigest Digest, IReadOnlyList<uint> Registers, GuestEnd? End)
{
    /// <summary>EAX to EDI, eip, eflags.</summary>
    public const int RegisterCount = 10;

    /// <summary>The Guest as it is, at a digest just taken.</summary>
    public static unsafe RecordedCheckpoint Of(DeterministicGuest guest, in GuestDigest digest)
    {
        GuestCpu* cpu = guest.Machine.Cpu;
        uint[] registers = new uint[RegisterCount];
        new ReadOnlySpan<uint>(cpu->Gpr, 8).CopyTo(registers);
        registers[8] = cpu->Eip;
        registers[9] = LazyFlags.Read(cpu);
        return new RecordedCheckpoint(digest, registers, guest.End);
    }

    public void Write(BinaryWriter writer)
    {
        GuestDigest digest = Digest;
        writer.Write((byte)(End is null ? 1 : 2));
        writer.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<GuestDigest>(in digest)));
        foreach (uint register in Registers)
        {
            writer.Write(register);
        }

        if (End is { } end)
        {
            writer.Write((int)end.Kind);
            writer.Write(end.Message);
        }
    }

    /// <summary>The next one; null at the end of the file, be it complete or cut off.</summary>
    public static RecordedCheckpoint? Read(BinaryReader reader)
    {
        try
        {
            byte kind = reader.ReadByte();
            byte[] digest = reader.ReadBytes(GuestDigest.Size);
            if (digest.Length != GuestDigest.Size || kind is not (1 or 2))
            {
                return null;
            }

            uint[] registers = new uint[RegisterCount];
            for (int i = 0; i < registers.Length; i++)
            {
                registers[i] = reader.ReadUInt32();
            }

            GuestEnd? end = kind == 2 ? new GuestEnd((GuestEndKind)reader.ReadInt32(), reader.ReadString()) : null;
            return new RecordedCheckpoint(MemoryMarshal.Read<GuestDigest>(digest), registers, end);
        }
        catch (Exception e) when (e is EndOfStreamException or InvalidDataException or FormatException)
        {
            // Whoever wrote it was stopped in the middle. What is whole is good.
            return null;
        }
    }
}
