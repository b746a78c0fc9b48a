using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Lguest.Jit.Core.Tests.Silicon.Recording;

namespace Lguest.Jit.Silicon;

/// <summary>The C program at the other end of two pipes; see oracle.c for what goes through them.</summary>
internal sealed class Oracle : IDisposable
{
    private const int OutputSize = 48 + SiliconLayout.WindowSize;

    private readonly Process _process;
    private readonly Stream _questions;
    private readonly Stream _answers;

    public Oracle(string path)
    {
        _process = Process.Start(new ProcessStartInfo(path) { RedirectStandardInput = true, RedirectStandardOutput = true })
            ?? throw new IOException($"{path} did not start.");
        _questions = _process.StandardInput.BaseStream;
        _answers = _process.StandardOutput.BaseStream;
        Span<byte> self = stackalloc byte[64];
        _answers.ReadExactly(self);
        uint signature = MemoryMarshal.Read<uint>(self[12..]);
        uint family = ((signature >> 8) & 15) + ((signature >> 20) & 0xFF);
        uint model = ((signature >> 4) & 15) | ((signature >> 12) & 0xF0);
        string name = Encoding.ASCII.GetString(self[16..]).Trim('\0', ' ');
        if (name.Contains("QEMU", StringComparison.Ordinal))
        {
            throw new InvalidDataException($"'{name}' is no silicon: a binfmt_misc handler has taken the oracle over (see README.md).");
        }

        Processor = $"{Encoding.ASCII.GetString(self[..12])} family {family} model {model} stepping {signature & 15} ({name})";
    }

    public string Processor { get; }

    /// <summary>Runs all vectors of a form on silicon.</summary>
    /// <exception cref="InvalidDataException">A vector wrote or jumped to where the record could not show it: the form is at fault.</exception>
    public SiliconOutcome[] Ask(SiliconForm form)
    {
        SiliconEncoding[] encodings = form.Encodings();
        SiliconState[] inputs = OutcomePacker.Inputs(form, encodings);
        Put(form, encodings, inputs);

        var outcomes = new SiliconOutcome[inputs.Length];
        byte[] record = new byte[OutputSize];
        for (int i = 0; i < outcomes.Length; i++)
        {
            _answers.ReadExactly(record);
            outcomes[i] = Outcome(form, encodings[form.VariantOf(i)], record);
        }

        _answers.ReadExactly(record.AsSpan(0, 4));
        uint stray = BitConverter.ToUInt32(record);
        return stray == 0 ? outcomes : throw new InvalidDataException($"'{form.Name}' left {stray} bytes changed outside its window.");
    }

    private void Put(SiliconForm form, SiliconEncoding[] encodings, SiliconState[] inputs)
    {
        using var question = new MemoryStream();
        using var writer = new BinaryWriter(question);
        writer.Write(form.Layout.DataPage);
        writer.Write(form.Layout.Window);
        writer.Write(form.Layout.CodePages);
        writer.Write(inputs.Length);
        byte[] code = new byte[SiliconLayout.CodeSize];
        code.AsSpan().Fill(SiliconLayout.Stopper);
        foreach (SiliconEncoding encoding in encodings)
        {
            encoding.Slot.CopyTo(code, (int)(encoding.Address - form.Layout.CodePages));
        }

        writer.Write(code);
        for (int i = 0; i < inputs.Length; i++)
        {
            writer.Write(encodings[form.VariantOf(i)].Entry);
            writer.Write(inputs[i].Eflags);
            foreach (uint value in inputs[i].Gpr)
            {
                writer.Write(value);
            }

            writer.Write(inputs[i].Window);
        }

        _questions.Write(question.GetBuffer(), 0, (int)question.Length);
        _questions.Flush();
    }

    private static SiliconOutcome Outcome(SiliconForm form, SiliconEncoding encoding, ReadOnlySpan<byte> record)
    {
        ReadOnlySpan<uint> words = MemoryMarshal.Cast<byte, uint>(record[..48]);
        int stop = (int)(words[2] - encoding.Address);
        if (stop is < 0 or > SiliconLayout.SlotSize || words[0] == 14)
        {
            throw new InvalidDataException($"'{form.Name}', {Convert.ToHexString(encoding.Code)}, ended at slot + {stop} by trap {words[0]}.");
        }

        var outcome = new SiliconOutcome
        {
            Vector = (int)words[0],
            Error = words[1],
            Eflags = words[3] & ~Flag.Resume,
            Stop = stop - LengthOfTrap(encoding, (int)words[0], stop),
        };
        words[4..].CopyTo(outcome.Gpr);
        record[48..].CopyTo(outcome.Window);
        if (outcome.Vector == 3 && outcome.Stop == SiliconLayout.EntryOffset && !encoding.Code.StartsWith([(byte)0xCC]) && !encoding.Code.StartsWith([(byte)0xCD]))
        {
            throw new InvalidDataException($"'{form.Name}': the instruction is a stopper.");
        }

        return outcome;
    }

    /// <summary>INT3, INT n and INTO push the address of the next instruction; how far back is their own.</summary>
    private static int LengthOfTrap(SiliconEncoding encoding, int vector, int stop) => vector switch
    {
        3 => stop >= 2 && encoding.Slot[stop - 2] == 0xCD && stop == SiliconLayout.EntryOffset + 2 ? 2 : 1,
        4 => encoding.Slot[stop - 1] == 0xCE ? 1 : 2,
        _ => 0,
    };

    public void Dispose()
    {
        _questions.Dispose();
        _process.WaitForExit();
        _process.Dispose();
    }
}
